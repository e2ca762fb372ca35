import { versionSchemes, type VersionScheme } from "../version/index.ts";
import type { BumpType } from "./types.ts";

const schemes: Readonly<Record<BumpType, VersionScheme>> = versionSchemes;

/** Order of two versions of a kind of package: negative, zero or positive; undefined where one of them is no version. */
export function compareVersions(type: BumpType, a: string, b: string): number | undefined {
  const scheme = schemes[type];
  const [left, right] = [scheme.parse(a), scheme.parse(b)];
  return left === undefined || right === undefined ? undefined : scheme.compare(left, right);
}

/** Whether two texts name the same version: Go's are written with and without their `v`. */
export function isSameVersion(type: BumpType, a: string, b: string): boolean {
  return a === b || compareVersions(type, a, b) === 0;
}

/** The higher one; the first where they cannot be compared. */
export function higherOf(type: BumpType, a: string, b: string): string {
  return (compareVersions(type, a, b) ?? 0) < 0 ? b : a;
}

/** A name in the one spelling by which its ecosystem tells packages apart. PyPA, Names and normalization. */
export function spelledName(type: BumpType, name: string): string {
  return type === "pypi" ? name.toLowerCase().replaceAll(/[-_.]+/g, "-") : name;
}
