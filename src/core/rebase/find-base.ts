import type { Digest } from "../../lib/index.ts";
import { annotationKeys } from "../image/index.ts";

/** Where an image says that it comes from. image-spec, annotations.md. */
export interface BaseHint {
  readonly digest: string | undefined;
  readonly name: string | undefined;
}

/** The base that the annotations of a manifest, or of the index around it, name; the manifest's own count first. */
export function readBaseHint(
  manifest: Readonly<Record<string, string>> | undefined,
  index: Readonly<Record<string, string>> | undefined,
): BaseHint {
  const of = (key: string): string | undefined => manifest?.[key] ?? index?.[key];
  return { digest: of(annotationKeys.baseDigest), name: of(annotationKeys.baseName) };
}

/** How many layers of an image are its base's: all of the base's, where the image begins with them; undefined where it does not, or where the base has none. */
export function findBaseEnd(image: readonly Digest[], base: readonly Digest[]): number | undefined {
  if (base.length === 0 || base.length > image.length) return undefined;
  return base.every((diffId, at) => image[at] === diffId) ? base.length : undefined;
}
