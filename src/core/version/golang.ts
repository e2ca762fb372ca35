import { compareKeys, maxVersionLength, numberKey, type Keyed } from "./key.ts";
import { numbersKey, semverKey } from "./semver-key.ts";

/** A version of a Go module or of Go itself. golang.org/x/mod/semver. */
export interface GolangVersion extends Keyed {
  /** The key of the major version. */
  readonly major: string;
  readonly isPrerelease: boolean;
}

const module =
  /^v?(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?)?)?$/;
/** `go1.21.3`, `go1.22rc1`; what a vendor or an experiment adds (`go1.22.3-1`, `go1.22.3 X:boringcrypto`) does not count. */
const toolchain = /^go(0|[1-9]\d*)(?:\.(0|[1-9]\d*)(?:\.(0|[1-9]\d*)|(alpha|beta|rc)(0|[1-9]\d*))?)?(?:[-+ ].*)?$/;

/**
 * The version in `text`, undefined where it is none: `v1.2.3`, pseudo-versions and `+incompatible` among them, or `go1.22.3`.
 * The `v` may be missing, as in advisories. `go1.22rc1` is `1.22.0-rc.1`, as the Go vulnerability database writes it.
 */
export function parseGolang(text: string): GolangVersion | undefined {
  if (text.length > maxVersionLength) return undefined;
  const match = module.exec(text);
  if (match !== null) {
    const [, major = "", minor = "0", patch = "0", prerelease] = match;
    const identifiers = prerelease?.split(".") ?? [];
    if (identifiers.some((id) => /^0\d+$/.test(id))) return undefined;
    return golangVersion(major, minor, patch, identifiers);
  }
  const tool = toolchain.exec(text);
  if (tool === null) return undefined;
  const [, major = "", minor = "0", patch = "0", stage, number = ""] = tool;
  return golangVersion(major, minor, patch, stage === undefined ? [] : [stage, number]);
}

function golangVersion(major: string, minor: string, patch: string, identifiers: readonly string[]): GolangVersion {
  return {
    key: semverKey(numbersKey(major, minor, patch), identifiers),
    major: numberKey(major),
    isPrerelease: identifiers.length > 0,
  };
}

/** Order of two versions as the go command has it; build metadata has no part in it. */
export const compareGolang: (a: GolangVersion, b: GolangVersion) => number = compareKeys;
