import { z } from "zod";
import { evidenceKinds } from "../core/evidence/index.ts";
import { claimNames } from "../core/signature/index.ts";
import { count, digest, digestPrefix, environmentName, imageName, pathText } from "./shapes.ts";

/** A text, whole, or a pattern that has to match all of it. */
const identityText = z.union([z.string().max(2000), z.strictObject({ pattern: z.string().max(256) })]);
const evidenceKind = z.enum(evidenceKinds);

const identity = z.strictObject({
  issuer: identityText,
  subject: identityText,
  subjectKind: z.enum(["email", "uri", "username"]).optional(),
  claims: z.partialRecord(z.enum(claimNames), identityText.optional()).optional(),
  /** Milliseconds since 1970. */
  from: z.number().optional(),
  until: z.number().optional(),
  thresholds: z
    .strictObject({
      logs: z.number().int().min(1).max(10).optional(),
      certificateLogs: z.number().int().min(1).max(10).optional(),
      timestamps: z.number().int().min(1).max(10).optional(),
    })
    .optional(),
  trustedRoot: z.string().max(1_048_576),
});
const signerName = z.string().min(1).max(100);

/** A policy file: who signs, by name, and what has to be there by whom. */
const evidenceRules = z.strictObject({
  signers: z
    .array(
      z.union([
        z.strictObject({ name: signerName, key: z.string().max(16_384) }),
        z.strictObject({ name: signerName, identity }),
      ]),
    )
    .min(1)
    .max(100),
  /** Names of signers of which nothing counts. */
  revoked: z.array(signerName).max(100).default([]),
  require: z
    .array(
      z.strictObject({
        kind: evidenceKind,
        by: z.array(signerName).max(100).optional(),
        environment: environmentName.optional(),
        /** Milliseconds: how old it may be, by what it says itself. */
        maxAge: z.number().int().positive().optional(),
      }),
    )
    .min(1)
    .max(50),
});
export type EvidenceRules = z.output<typeof evidenceRules>;

export const verifyInput = z.strictObject({
  /** Of an image in a registry. */
  reference: pathText,
  /** Public keys whose evidence counts, PEM; whom the configuration trusts without any key or identity. */
  keys: z.array(z.string().max(16_384)).max(100).default([]),
  /** Identities whose evidence counts as well, each with the trusted root that its certificates come from. */
  identities: z.array(identity).max(10).default([]),
  /** What has to be there; that it is signed, without it. */
  require: z.array(evidenceKind).max(evidenceKinds.length).optional(),
  /** Demand what the configuration demands. */
  policy: z.boolean().default(false),
  /** For which a verification has to have passed. */
  environment: environmentName.optional(),
  /** In place of keys, identities, `require` and `policy`: a policy file's demands. */
  rules: evidenceRules.optional(),
});

/** Whether the evidence beside an image is what is demanded, and all that lies there. */
export const verify = z.object({
  reference: z.string(),
  digest,
  verdict: z.enum(["verified", "refused"]),
  /** What was demanded. */
  required: z.array(evidenceKind),
  /** Why it is refused, one sentence each. */
  reasons: z.array(z.string()),
  evidence: z.array(
    z.object({
      kind: evidenceKind,
      predicateType: z.string(),
      /** Who signed it, and whether that counts. */
      by: z.string(),
      counts: z.boolean(),
      /** Of a verification: of which environment, and whether it passed. */
      environment: z.string().nullable(),
      passed: z.boolean().nullable(),
    }),
  ),
  /** What lies there and does not verify. */
  refused: z.array(z.object({ kind: evidenceKind.nullable(), reason: z.string() })),
  /** What could not be read, one sentence each. */
  problems: z.array(z.string()),
});
export type Verified = z.output<typeof verify>;

export const auditVerifyInput = z.strictObject({
  /** Public keys that checkpoints must be signed with, PEM; those of the configuration without any. */
  keys: z.array(z.string().max(16_384)).max(100).default([]),
});

/** Whether the chain of what was decided and done is whole. */
export const auditVerify = z.object({
  verdict: z.enum(["intact", "broken"]),
  rows: count.int(),
  /** The first row that does not fit, and why. */
  row: count.int().nullable(),
  reason: z.string().nullable(),
  /** Hash of the last row: who wrote it down elsewhere knows the chain again. */
  hash: z.string(),
  checkpoints: z.object({
    /** Signed by a key that counts, and of the row that is there. */
    valid: count.int(),
    /** The last row that one of them vouches for; null where none does. */
    through: count.int().nullable(),
    /** Signed by a key that does not count here. */
    unknown: count.int(),
  }),
});
export type AuditVerified = z.output<typeof auditVerify>;

export const auditExportInput = z.strictObject({
  /** Only rows after this one. */
  after: z.number().int().min(0).default(0),
  limit: z.number().int().min(1).max(10_000).default(1000),
});

/** Rows of the chain, the oldest first, each as the line that the audit file has. */
export const auditExport = z.object({
  lines: z.array(z.string()),
  /** What the next page comes after; null where there is none. */
  next: z.number().int().nullable(),
});
export type AuditExport = z.output<typeof auditExport>;

export const evidenceAttachInput = z.strictObject({
  image: imageName,
  /** What the last environment names, without it. */
  digest: digestPrefix.optional(),
});

/** What of the evidence of a digest was put beside it now. */
export const evidenceAttach = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("attached"), image: z.string(), digest, added: count.int() }),
  z.object({ kind: z.literal("refused"), reasons: z.array(z.string()).min(1) }),
]);

export const evidenceExportInput = z.strictObject({
  image: imageName,
  digest: digestPrefix.optional(),
  /** Of a file on the machine that holds the state. */
  to: pathText,
});

/** The file that all evidence of a digest was written to. */
export const evidenceExport = z.object({
  image: z.string(),
  digest,
  path: z.string(),
  bytes: count,
  sha256: z.string(),
  files: count.int(),
});
