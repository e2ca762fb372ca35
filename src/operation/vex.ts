import { z } from "zod";
import { digest, imageName, instant, personName, reasonText } from "./shapes.ts";

const vulnerability = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{2,127}$/, "the id of a vulnerability, as CVE-2026-1234");

/** OpenVEX specification 0.2.0, Status Labels and Status Justifications. */
export const vexStatus = z.enum(["not_affected", "affected", "fixed", "under_investigation"]);
export const vexJustification = z.enum([
  "component_not_present",
  "vulnerable_code_not_present",
  "vulnerable_code_not_in_execute_path",
  "vulnerable_code_cannot_be_controlled_by_adversary",
  "inline_mitigations_already_exist",
]);

const statement = z.object({
  id: z.string(),
  vulnerability: z.string(),
  /** A name or a purl; null: every package. */
  package: z.string().nullable(),
  /** Null: every image. */
  image: z.string().nullable(),
  status: vexStatus,
  justification: z.string().nullable(),
  reason: z.string(),
  author: z.string(),
  since: instant,
  until: instant.nullable(),
  /** Whether its end has passed: then it counts no more. */
  expired: z.boolean(),
});
export type VexStatementView = z.output<typeof statement>;

export const vexAddInput = z.strictObject({
  vulnerability,
  /** Name of an installed package or of its source, or a purl. */
  package: z.string().min(1).max(1000).optional(),
  image: imageName.optional(),
  status: vexStatus,
  /** Only, and always, of `not_affected`. */
  justification: vexJustification.optional(),
  reason: reasonText,
  /** In whose name; without it whoever asks. */
  author: personName.optional(),
  until: instant.optional(),
  by: personName,
});
export const vexAdded = z.object({ statement });

export const vexListInput = z.strictObject({ image: imageName.optional() });
/** What the owner of a base says of one of its digests. */
const baseWord = z.object({
  base: z.string(),
  digest: digest,
  statements: z.number().int(),
  /** Whose word it is, and who signed it. */
  authors: z.array(z.string()),
  asked: instant,
  /** Why some of what stands there does not count. */
  problems: z.array(z.string()),
});
export type BaseWordView = z.output<typeof baseWord>;
export const vexListed = z.object({ statements: z.array(statement), bases: z.array(baseWord) });

export const vexRemoveInput = z.strictObject({
  /** A statement's id, how it begins (six characters at least), or a vulnerability: then all that is said of it. */
  statement: z.string().min(3).max(128),
  image: imageName.optional(),
  by: personName,
  reason: reasonText,
});
export const vexRemoved = z.object({ removed: z.array(statement) });
