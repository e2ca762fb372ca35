import type { z } from "zod";

/** What a value is by a schema, or where it breaks it. */
export type Shaped<T> =
  | { readonly success: true; readonly data: T }
  | { readonly success: false; readonly issues: readonly z.core.$ZodIssue[] };

/** Holds a value from outside to a schema. Never throws, whatever the value is. */
export function tryShape<T>(schema: z.ZodType<T>, value: unknown): Shaped<T> {
  try {
    const parsed = schema.safeParse(value);
    return parsed.success ? parsed : { success: false, issues: parsed.error.issues };
  } catch (error) {
    // The library compares the `length` of what is no text with a limit: one that is an object which turns into nothing throws there.
    if (!(error instanceof TypeError)) throw error;
    const message = "holds an object that turns into no value";
    return { success: false, issues: [{ code: "custom", path: [], message, input: undefined }] };
  }
}
