import type { FileHolds } from "../layer-facts.ts";

/** Reads what files of one format say of packages, while their layer streams by. */
export interface ContentRecogniser {
  /** Bytes of the largest file that is read; a larger one is named. */
  readonly largest: number;
  /** Whether the file at `path` is one of the format. Asked of every file of every layer: it must be quick. */
  matches(path: string): boolean;
  /** What `content`, the whole file, says; undefined where it says nothing of packages. Never throws. */
  read(content: Uint8Array, path: string): FileHolds | undefined;
}

const longestName = 1024;
const longestVersion = 256;

/** Whether a name or version from outside can be one: short, and free of spaces and control characters. */
export function isPlainName(text: string): boolean {
  return text.length > 0 && text.length <= longestName && !/[\s\p{Cc}]/u.test(text);
}

export function isPlainVersion(text: string): boolean {
  return text.length > 0 && text.length <= longestVersion && !/\p{Cc}/u.test(text) && text.trim() === text;
}

/** A file of which nothing is known but that it should tell of packages. */
export function unreadable(problem: string): FileHolds {
  return { packages: [], problem };
}
