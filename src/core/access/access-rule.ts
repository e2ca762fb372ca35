import type { Role } from "./role.ts";
import { matchesText, type TextRule } from "./text-rule.ts";

/** What an issuer said of whom it made a token out for, after its signature was verified. */
export type Claims = Readonly<Record<string, unknown>>;

/** What those may do of whom an issuer says this. */
export interface AccessRule {
  /** All of them have to be as is said here; of a claim that is a list one entry is enough. */
  readonly claims: Readonly<Record<string, TextRule>>;
  readonly roles: readonly Role[];
  readonly labels: readonly string[];
}

/** The first rule of `rules` whose claims are all as it says; undefined where there is none. */
export function findRule<Rule extends AccessRule>(rules: readonly Rule[], claims: Claims): Rule | undefined {
  return rules.find((rule) =>
    Object.entries(rule.claims).every(([name, wanted]) =>
      textsOf(claims, name).some((said) => matchesText(wanted, said)),
    ),
  );
}

/** A claim as text; undefined where it is none. */
export function textOf(claims: Claims, name: string): string | undefined {
  return plainText(Object.hasOwn(claims, name) ? claims[name] : undefined);
}

function textsOf(claims: Claims, name: string): readonly string[] {
  const said = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return [said]
    .flat()
    .slice(0, 1000)
    .flatMap((one) => plainText(one) ?? []);
}

/** Numbers and truth values as they are written, nothing of what has parts or is longer than any honest claim. */
function plainText(said: unknown): string | undefined {
  if (typeof said === "string") return said.length <= 2000 ? said : undefined;
  return typeof said === "number" || typeof said === "boolean" ? String(said) : undefined;
}
