import type { Config } from "./schema.ts";

/** What an image is built from, and for which platforms. */
export interface BuildSource {
  readonly context?: string | undefined;
  readonly git?: { readonly url: string; readonly ref: string; readonly subdirectory?: string | undefined } | undefined;
  /** Relative to the context; undefined where nobody says what it is made of. */
  readonly dockerfile?: string | undefined;
  readonly target?: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  readonly platforms: readonly string[];
}

/** The source of an image of recipe `dockerfile`, and of one that a pipeline builds where the configuration names it; undefined for all others. */
export function sourceOf(image: Config["images"][string] | undefined): BuildSource | undefined {
  if (image?.recipe === "dockerfile") return image;
  if (image?.recipe === "external" && image.source !== undefined)
    return { ...image.source, platforms: image.platforms };
  return undefined;
}
