import type { z } from "zod";

/** What `value` is by `schema`; else a sentence that says where it breaks it. Never throws, whatever the value is. */
export function checkShape<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { readonly data: T } | { readonly problem: string } {
  try {
    const parsed = schema.safeParse(value);
    if (parsed.success) return { data: parsed.data };
    const [issue] = parsed.error.issues;
    return { problem: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "breaks the schema"}` };
  } catch (error) {
    // The library compares the `length` of what is no text with a limit: one that is an object which turns into nothing throws there.
    if (error instanceof TypeError) return { problem: "holds an object that turns into no value" };
    throw error;
  }
}
