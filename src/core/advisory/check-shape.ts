import type { z } from "zod";
import { tryShape } from "../../lib/index.ts";

/** What `value` is by `schema`; else a sentence that says where it breaks it. Never throws, whatever the value is. */
export function checkShape<T>(
  schema: z.ZodType<T>,
  value: unknown,
): { readonly data: T } | { readonly problem: string } {
  const parsed = tryShape(schema, value);
  if (parsed.success) return { data: parsed.data };
  const [issue] = parsed.issues;
  return { problem: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "breaks the schema"}` };
}
