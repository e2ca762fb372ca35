import type { SeverityLevel } from "./order-findings.ts";

/** One condition of a rule. */
export type FailTerm =
  | { readonly kind: "severity"; readonly atLeast: SeverityLevel }
  /** Findings that nobody rated. */
  | { readonly kind: "unrated" }
  /** Whatever is found. */
  | { readonly kind: "any" }
  /** CISA lists it as exploited. */
  | { readonly kind: "kev" }
  | { readonly kind: "malware" }
  /** A version that cures it is known. */
  | { readonly kind: "fixable" }
  /** Published at least this long ago. */
  | { readonly kind: "age"; readonly ms: number }
  | { readonly kind: "epss"; readonly atLeast: number };

/** A rule is broken by a finding that all of its terms are true of. */
export interface FailRule {
  /** As it was written. */
  readonly text: string;
  readonly terms: readonly FailTerm[];
}

export type ParsedFailOn =
  { readonly kind: "ok"; readonly rule: FailRule } | { readonly kind: "invalid"; readonly message: string };

const levels = ["low", "medium", "high", "critical"] as const;
const words = { any: "any", unrated: "unrated", kev: "kev", malware: "malware", fixable: "fixable" } as const;
const unitMs = { h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const maxTerms = 10;

/** A rule of `--fail-on`: terms with commas between, all of which must be true of a finding: `high`, `kev`, `fixable`, `age=30d`, `epss=0.5`, `high,fixable`. */
export function parseFailOn(text: string): ParsedFailOn {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.length > maxTerms) return { kind: "invalid", message: `it has more than ${maxTerms} terms` };
  const terms: FailTerm[] = [];
  for (const part of parts) {
    const term = termOf(part);
    if (term === undefined)
      return { kind: "invalid", message: `${JSON.stringify(part.slice(0, 100))} is no condition` };
    terms.push(term);
  }
  return { kind: "ok", rule: { text: parts.join(","), terms } };
}

/** What parseFailOn knows, for messages. */
export const failOnWords = "low, medium, high, critical, any, unrated, kev, malware, fixable, age=30d, epss=0.5";

function termOf(part: string): FailTerm | undefined {
  const level = levels.find((one) => one === part);
  if (level !== undefined) return { kind: "severity", atLeast: level };
  if (Object.hasOwn(words, part)) return { kind: words[part as keyof typeof words] };
  const [, digits, unit] = /^age=(\d{1,5})([hdw])$/.exec(part) ?? [];
  if (digits !== undefined && unit !== undefined)
    return { kind: "age", ms: Number(digits) * unitMs[unit as keyof typeof unitMs] };
  const [, share] = /^epss=(0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/.exec(part) ?? [];
  return share === undefined ? undefined : { kind: "epss", atLeast: Number(share) };
}
