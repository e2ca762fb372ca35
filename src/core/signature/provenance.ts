import { z } from "zod";
import { tryShape } from "../../lib/index.ts";
import type { ReadStatement } from "./statement.ts";

/** Who must have built an image. */
export interface ProvenanceRule {
  /** The builder's id, whole; one that ends in `*` stands for all that begin so. SLSA, provenance, builder.id. */
  readonly builder: string;
}

const id = z.string().min(1).max(2048);
const shapes = {
  "https://slsa.dev/provenance/v1": z
    .object({ runDetails: z.object({ builder: z.object({ id }) }) })
    .transform(({ runDetails }) => runDetails.builder.id),
  "https://slsa.dev/provenance/v0.2": z.object({ builder: z.object({ id }) }).transform(({ builder }) => builder.id),
} as const;

/** Predicate types of the provenance that is read. */
export const provenanceTypes: ReadonlySet<string> = new Set(Object.keys(shapes));

/** Why provenance does not say that the builder of `rule` made its subject, as a sentence's end; undefined where it does. SLSA, provenance v0.2 and v1. */
export function refuseProvenance(
  { predicateType, predicate }: ReadStatement,
  rule: ProvenanceRule,
): string | undefined {
  if (!Object.hasOwn(shapes, predicateType)) return "it is no provenance";
  const parsed = tryShape(shapes[predicateType as keyof typeof shapes], predicate);
  if (!parsed.success) return "its provenance names no builder";
  const isMeant = rule.builder.endsWith("*")
    ? parsed.data.startsWith(rule.builder.slice(0, -1))
    : parsed.data === rule.builder;
  return isMeant ? undefined : `it was built by ${parsed.data.slice(0, 200)}`;
}
