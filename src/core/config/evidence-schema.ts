import { z } from "zod";
import { evidenceKinds, type EvidenceKind } from "../evidence/index.ts";
import { rootedIdentity } from "./identity-schema.ts";
import { keyless } from "./keyless-schema.ts";
import { duration, text, units, variable } from "./values.ts";

const kinds = z.array(z.enum(evidenceKinds)).max(evidenceKinds.length);

/** What is demanded where nothing is said: of every digest it can be made. */
const usual: readonly EvidenceKind[] = ["signature", "sbom", "provenance", "verification"];

/** What has to lie beside a digest. */
export const evidenceDemand = kinds.refine((demanded) => !demanded.includes("vex"), {
  error: "VEX cannot be demanded: of many a digest there is nothing to say",
});

const signers = z
  .array(z.union([text, rootedIdentity], { error: "the path of a public key, or `{ issuer, subject, trustedRoot }`" }))
  .max(100)
  .default([]);

/** What is signed and put beside every digest that is promoted, and what a promotion demands of that. */
export const evidence = z
  .strictObject({
    key: text
      .regex(/\.key$/, "a path that ends in `.key`, as `tidemill keys make` writes it")
      .optional()
      .describe("Path of the private key that signs; its public half, and those of keys before it, lie beside it"),
    program: z
      .strictObject({
        command: z
          .array(text.min(1))
          .min(1)
          .max(100)
          .describe("Program and arguments; a path is relative to this configuration"),
        key: text.describe("Path of the public key that it signs with"),
        pass: z.array(variable).max(100).default([]).describe("Variables of the environment that it is told"),
        timeout: duration.default(30 * units.s),
      })
      .optional()
      .describe("In place of `key`: what asks a KMS or a token to sign"),
    keyless: keyless.optional().describe("In place of `key`: signs as an identity, by Fulcio and Rekor"),
    passphrase: variable
      .default("TIDEMILL_KEY_PASSPHRASE")
      .describe("The variable of the environment that holds the key's passphrase"),
    trust: signers.describe("Whose evidence counts as well: paths of public keys, or identities"),
    revoked: signers.describe(
      "Of whom nothing counts any more; of an identity with `from` or `until` what was signed then",
    ),
    builder: z
      .string()
      .max(500)
      .regex(/^[a-z][a-z0-9+.-]*:\S+$/, "a URI")
      .default("urn:tidemill")
      .describe("Who says that it built, in provenance: an address that verifiers know this Tidemill by"),
    attach: kinds.default([...evidenceKinds]).describe("What is made of every digest that is promoted"),
    require: evidenceDemand
      .optional()
      .describe(`Without what, verified, no promotion goes ahead; of ${usual.join(", ")} all that is made without it`),
  })
  .refine(({ key, program, keyless: own }) => [key, program, own].filter((one) => one !== undefined).length === 1, {
    error: "name either `key:`, `program:` or `keyless:`",
  })
  .refine(({ attach, require = [] }) => require.every((kind) => attach.includes(kind)), {
    path: ["require"],
    error: "it demands what `attach` leaves out",
  })
  .transform(({ require, ...rest }) => ({
    ...rest,
    require: require ?? usual.filter((kind) => rest.attach.includes(kind)),
  }))
  .optional()
  .describe("Signs what is known of every digest that is promoted; off without it");

export type EvidenceConfig = NonNullable<z.output<typeof evidence>>;
