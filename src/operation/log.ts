import { z } from "zod";
import { imageName, instant } from "./shapes.ts";

export const logInput = z.strictObject({
  image: imageName,
  /** Of this rebuild; of the newest that was built without it. */
  rebuild: z.uuid().optional(),
  /** What a check said in place of the build, by its name: `starts`, or `run: starts`. */
  check: z.string().min(1).max(300).optional(),
  /** Of a check: of this candidate, by its digest or the beginning of it; of the newest that was checked without it. */
  digest: z.string().min(1).max(200).optional(),
  /** Of a check: for this environment; the newest without it. */
  environment: z.string().min(1).max(100).optional(),
});

/** What the build of an image said, or a check of a candidate. */
export const log = z.object({
  image: z.string(),
  rebuild: z.string(),
  state: z.string(),
  at: instant,
  /** Printable lines. */
  lines: z.array(z.string()),
  /** Lines in the middle that were not kept. */
  leftOut: z.number().int().nonnegative(),
  /** Of a check: which it is, of which candidate, and what it came to. */
  check: z.object({ name: z.string(), digest: z.string(), environment: z.string(), verdict: z.string() }).nullable(),
});
export type Log = z.output<typeof log>;
