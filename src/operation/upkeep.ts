import { z } from "zod";
import { count, digest, instant, pathText } from "./shapes.ts";

export const validateInput = z.strictObject({
  /** For messages: the file's name as its owner wrote it. */
  name: pathText,
  /** The configuration itself. */
  text: z.string().max(1_000_000),
});

/** Every mistake of a configuration at once. */
export const validate = z.object({
  name: z.string(),
  ok: z.boolean(),
  images: count.int(),
  /** Digest of the configuration as rules: what rows of the audit chain name as their `policy`; null where it has mistakes. */
  policy: digest.nullable(),
  problems: z.array(
    z.object({
      line: count.int(),
      column: count.int(),
      path: z.string(),
      message: z.string(),
      hint: z.string().nullable(),
    }),
  ),
});
export type Validate = z.output<typeof validate>;

export const doctorInput = z.strictObject({});

/** Whether everything that Tidemill needs is there and works. `ok` where no check failed. */
export const doctor = z.object({
  ok: z.boolean(),
  checks: z.array(
    z.object({
      name: z.string(),
      /** `warning`: works, with less (no engine for checks that run a candidate). */
      state: z.enum(["ok", "warning", "failed"]),
      message: z.string(),
      hint: z.string().nullable(),
    }),
  ),
});
export type Doctor = z.output<typeof doctor>;

const receiverName = z.string().min(1).max(100);
export const notifyTestInput = z.strictObject({ receiver: receiverName.optional() });
export const notifyTest = z.object({
  results: z.array(
    z.object({
      receiver: z.string(),
      /** Whether it took the message. */
      told: z.boolean(),
      /** What it answered, or why it was not told. */
      detail: z.string(),
    }),
  ),
});

export const notifyResendInput = z.strictObject({ receiver: receiverName.optional() });
/** How many notifications that were given up are tried again. */
export const notifyResend = z.object({ again: count });

export const supportInput = z.strictObject({});
/** What somebody who helps has to see, as files: no secret is in them. */
export const support = z.object({ files: z.array(z.object({ name: z.string(), text: z.string() })) });

export const backupInput = z.strictObject({ to: pathText });
export const backup = z.object({ at: instant, path: z.string(), bytes: count, sha256: z.string() });

export const restoreInput = z.strictObject({ from: pathText });
export const restore = z.object({
  path: z.string(),
  /** When the backup was made. */
  at: instant,
  /** What the audit file and the registries knew that the backup did not, one sentence each. */
  reconciled: z.array(z.string()),
});
