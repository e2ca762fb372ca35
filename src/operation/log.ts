import { z } from "zod";
import { imageName, instant } from "./shapes.ts";

export const logInput = z.strictObject({
  image: imageName,
  /** Of this rebuild; of the newest that was built without it. */
  rebuild: z.uuid().optional(),
});

/** What the build of an image said. */
export const log = z.object({
  image: z.string(),
  rebuild: z.string(),
  state: z.string(),
  at: instant,
  /** Printable lines. */
  lines: z.array(z.string()),
  /** Lines in the middle that were not kept. */
  leftOut: z.number().int().nonnegative(),
});
export type Log = z.output<typeof log>;
