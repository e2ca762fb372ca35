import { compareGolang, parseGolang, type GolangVersion } from "./golang.ts";
import { numberKey } from "./key.ts";

/** What go.mod requires: at least this version. Go Modules Reference, "Minimal version selection". */
export interface GolangRange {
  readonly minimum: GolangVersion;
}

/** The range in `text`, a version; undefined where it is none. */
export function parseGolangRange(text: string): GolangRange | undefined {
  const minimum = parseGolang(text.trim());
  return minimum && { minimum };
}

/**
 * Whether a version is in a range: it is no lower and promises the same. Another major version is another module, but for 0, which
 * promises nothing and so may become 1; `+incompatible` ones are what they are called.
 */
export function isInGolangRange(version: GolangVersion, { minimum }: GolangRange): boolean {
  return compareGolang(version, minimum) >= 0 && generation(version) === generation(minimum);
}

const [zero, one] = [numberKey("0"), numberKey("1")];

function generation({ major }: GolangVersion): string {
  return major === zero ? one : major;
}
