import type { Digest } from "../../lib/index.ts";

/** A file that says which images run: `.env` files are lines of `NAME=value`, everything else is YAML. */
export interface ManifestFile {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What is looked for in a file. */
export interface ManifestImage {
  /** As markers call it. */
  readonly image: string;
  /** Where it is pulled from: `registry.example/team/web`. */
  readonly repository: string;
}

/** Where a file names an image. Lines and columns count from 1. */
export interface ManifestPlace {
  readonly line: number;
  readonly column: number;
  /** Undefined where there is none yet: a tag alone, or an empty text. */
  readonly digest: Digest | undefined;
}

/** A place in characters of the text: what stands from `start` to `end` is replaced by `before` and the digest. */
export interface Slot {
  readonly start: number;
  readonly end: number;
  readonly digest: Digest | undefined;
  /** What parts the digest from what stands before it; `@` where the reference has none yet. */
  readonly before: "" | "@";
}
