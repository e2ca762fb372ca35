import type { PackageType } from "../inventory/index.ts";
import type { VersionScheme } from "../version/index.ts";
import { schemeOf } from "./ecosystems.ts";
import { parseVersion } from "./parse-version.ts";
import type { AffectedPackage, AffectedRange } from "./types.ts";

/** Whether a version is touched; `fixed` is the lowest version that cures it, where one is known. */
export type VersionState =
  { readonly kind: "clear" } | { readonly kind: "affected" | "unknown"; readonly fixed: string | undefined };

/** A range whose ends are read once, however many versions are held against it. */
interface Bounds {
  readonly introduced: unknown;
  readonly fixed: unknown;
  readonly fixedText: string | undefined;
  readonly last: unknown;
  readonly limit: unknown;
}

interface Compiled {
  readonly scheme: VersionScheme | undefined;
  readonly bounds: readonly Bounds[];
  /** Of the first range that cannot be compared with: its cure. */
  readonly unreadable: AffectedRange | undefined;
  readonly versions: ReadonlySet<string>;
}

const compiled = new WeakMap<AffectedPackage, Compiled>();
const everything = Symbol("every earlier version");

/** What an advisory says of one version; what cannot be compared is unknown, never clear. `type` tells the order of versions where the ecosystem does not. OSV schema, evaluation. */
export function stateOfVersion(version: string, affected: AffectedPackage, type?: PackageType): VersionState {
  const { scheme, bounds, unreadable, versions } = partsOf(affected, type);
  const parsed = scheme === undefined ? undefined : readInstalled(scheme, version);
  if (scheme === undefined || parsed === undefined) {
    const isEvery = affected.ranges.some((range) => range.introduced === "0" && Object.keys(range).length === 1);
    if (isEvery || versions.has(version)) return { kind: "affected", fixed: undefined };
    return { kind: "unknown", fixed: affected.ranges.length === 1 ? affected.ranges[0]?.fixed : undefined };
  }
  const hit = bounds.find((range) => isWithin(scheme, parsed, range));
  if (hit !== undefined) return { kind: "affected", fixed: cureOf(scheme, bounds, hit) };
  if (versions.has(version) || (bounds.length === 0 && unreadable === undefined && isOneOf(scheme, parsed, versions)))
    return { kind: "affected", fixed: nextFix(scheme, parsed, bounds) };
  return unreadable === undefined ? { kind: "clear" } : { kind: "unknown", fixed: unreadable.fixed };
}

/** Most records have one range and no list: reading that again costs less than remembering it. */
function partsOf(affected: AffectedPackage, type: PackageType | undefined): Compiled {
  if (affected.ranges.length <= 1 && affected.versions.length <= 8) return compile(affected, type);
  const before = compiled.get(affected);
  if (before !== undefined) return before;
  const parts = compile(affected, type);
  compiled.set(affected, parts);
  return parts;
}

/** The version that was read last: all that is said of a package is held against the same one. */
let last: { readonly scheme: VersionScheme; readonly text: string; readonly version: unknown } | undefined;

function readInstalled(scheme: VersionScheme, text: string): unknown {
  if (last?.text !== text || last.scheme !== scheme) last = { scheme, text, version: parseVersion(scheme, text) };
  return last.version;
}

const none: ReadonlySet<string> = new Set();

function compile(affected: AffectedPackage, type: PackageType | undefined): Compiled {
  const scheme = schemeOf(affected.ecosystem, type);
  const bounds: Bounds[] = [];
  let unreadable: AffectedRange | undefined;
  for (const range of affected.ranges) {
    const read = scheme === undefined ? undefined : readBounds(scheme, range);
    if (read === undefined) unreadable ??= range;
    else bounds.push(read);
  }
  return { scheme, bounds, unreadable, versions: affected.versions.length === 0 ? none : new Set(affected.versions) };
}

function readBounds(
  scheme: VersionScheme,
  { introduced, fixed, lastAffected, limit }: AffectedRange,
): Bounds | undefined {
  const start = introduced === "0" ? everything : parseVersion(scheme, introduced);
  if (start === undefined) return undefined;
  const [cure, end, stop] = [readEnd(scheme, fixed), readEnd(scheme, lastAffected), readEnd(scheme, limit)];
  if (cure === unread || end === unread || stop === unread) return undefined;
  return { introduced: start, fixed: cure, fixedText: fixed, last: end, limit: stop };
}

const unread = Symbol("an end that is no version");

function readEnd(scheme: VersionScheme, text: string | undefined): unknown {
  return text === undefined ? undefined : (parseVersion(scheme, text) ?? unread);
}

function isWithin(scheme: VersionScheme, version: unknown, range: Bounds): boolean {
  return (
    (range.introduced === everything || scheme.compare(version, range.introduced) >= 0) &&
    (range.fixed === undefined || scheme.compare(version, range.fixed) < 0) &&
    (range.last === undefined || scheme.compare(version, range.last) <= 0) &&
    (range.limit === undefined || scheme.compare(version, range.limit) < 0)
  );
}

/** The version that ends `hit`, unless another range holds that one too: then the one that ends that. */
function cureOf(scheme: VersionScheme, bounds: readonly Bounds[], hit: Bounds): string | undefined {
  let last = hit;
  for (let left = bounds.length; left > 0 && last.fixed !== undefined; left -= 1) {
    const cure = last.fixed;
    const next = bounds.find((range) => isWithin(scheme, cure, range));
    if (next === undefined) return last.fixedText;
    last = next;
  }
  return undefined;
}

/** The lowest cure above a version that is listed by itself. */
function nextFix(scheme: VersionScheme, version: unknown, bounds: readonly Bounds[]): string | undefined {
  let best: Bounds | undefined;
  for (const range of bounds) {
    if (range.fixed === undefined || scheme.compare(range.fixed, version) <= 0) continue;
    if (best === undefined || scheme.compare(range.fixed, best.fixed) < 0) best = range;
  }
  return best?.fixedText;
}

function isOneOf(scheme: VersionScheme, version: unknown, versions: ReadonlySet<string>): boolean {
  for (const text of versions) {
    const other = parseVersion(scheme, text);
    if (other !== undefined && scheme.compare(version, other) === 0) return true;
  }
  return false;
}
