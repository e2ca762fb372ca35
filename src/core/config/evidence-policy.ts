import { z } from "zod";
import { evidenceKinds, type EvidenceKind } from "../evidence/index.ts";
import type { IdentityPolicy } from "../signature/index.ts";
import { readYamlMapping, tryShape } from "../../lib/index.ts";
import { closest } from "./closest.ts";
import { rootedIdentity } from "./identity-schema.ts";
import { duration, name, text } from "./values.ts";

/** What a reader demands of an image before it is believed, in a file of their own: who signs, and what has to be there by whom. */
export interface EvidencePolicyFile {
  /** By the names that the file gives them; `path` of the public key, or of the identity's trusted root. */
  readonly signers: Readonly<
    Record<
      string,
      | { readonly kind: "key"; readonly path: string }
      | {
          readonly kind: "identity";
          readonly path: string;
          readonly identity: Omit<IdentityPolicy, "kind" | "trustedRoot">;
        }
    >
  >;
  /** Signers of which nothing counts. */
  readonly revoked: readonly string[];
  readonly require: readonly EvidenceDemandOfFile[];
}

export interface EvidenceDemandOfFile {
  readonly kind: EvidenceKind;
  /** Names of signers; all that are not revoked without it. */
  readonly by?: readonly string[] | undefined;
  /** Of a verification: for which it has to have passed. */
  readonly environment?: string | undefined;
  /** Milliseconds: how old it may be, by what it says itself. */
  readonly maxAge?: number | undefined;
}

const maxLength = 262_144;
const signer = z.union([z.strictObject({ key: text.min(1) }), rootedIdentity], {
  error: "`{ key: FILE }`, or `{ issuer, subject, trustedRoot }`",
});
const demand = z.union(
  [
    z.enum(evidenceKinds).transform((kind): EvidenceDemandOfFile => ({ kind })),
    z.strictObject({
      kind: z.enum(evidenceKinds),
      by: z.array(name).min(1).max(100).optional(),
      environment: name.optional(),
      maxAge: duration.optional(),
    }),
  ],
  { error: `one of ${evidenceKinds.join(", ")}, or \`{ kind, by, environment, maxAge }\`` },
);
const schema = z
  .strictObject({
    version: z.literal(1),
    signers: z
      .record(name, signer)
      .refine((all) => Object.keys(all).length > 0 && Object.keys(all).length <= 100, "1 to 100 signers"),
    revoked: z.array(name).max(100).default([]),
    require: z.array(demand).min(1).max(50),
  })
  .check(({ value, issues }) => {
    const known = Object.keys(value.signers);
    const named = [
      ...value.revoked.map((one, at) => ({ one, path: ["revoked", at] })),
      ...value.require.flatMap(({ by = [] }, at) => by.map((one) => ({ one, path: ["require", at, "by"] }))),
    ];
    for (const { one, path } of named)
      if (!known.includes(one)) {
        const near = closest(one, known);
        const message = `there is no signer ${one}${near === undefined ? "" : `: is it ${near}?`}`;
        issues.push({ code: "custom", message, path, input: one });
      }
    for (const [at, { kind, environment }] of value.require.entries())
      if (environment !== undefined && kind !== "verification")
        issues.push({
          code: "custom",
          message: "only a verification is of an environment",
          path: ["require", at, "environment"],
          input: environment,
        });
  });

/** Reads a policy file (YAML 1.2 or JSON), or says every mistake with line, column and path. */
export function parseEvidencePolicy(
  source: string,
):
  | { readonly kind: "ok"; readonly policy: EvidencePolicyFile }
  | { readonly kind: "invalid"; readonly problems: readonly string[] } {
  if (source.length > maxLength) return { kind: "invalid", problems: [`it is larger than ${maxLength} characters`] };
  const read = readYamlMapping(source, "it has several documents: one policy is meant");
  if (read.kind === "invalid") return read;
  const parsed = tryShape(schema, read.value);
  if (!parsed.success)
    return {
      kind: "invalid",
      problems: parsed.issues.slice(0, 20).map(({ path, message }) =>
        read.say(
          path.map((part) => (typeof part === "number" ? part : String(part))),
          message,
        ),
      ),
    };
  const { signers, revoked, require } = parsed.data;
  return {
    kind: "ok",
    policy: {
      revoked,
      require,
      signers: Object.fromEntries(
        Object.entries(signers).map(([called, one]): [string, EvidencePolicyFile["signers"][string]] => {
          if ("key" in one) return [called, { kind: "key", path: one.key }];
          const { trustedRoot, ...identity } = one;
          return [called, { kind: "identity", path: trustedRoot, identity }];
        }),
      ),
    },
  };
}
