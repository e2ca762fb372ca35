import {
  closedAdvisories,
  type AdvisoryIndex,
  type AdvisoryKey,
  type ClosedAdvisories,
} from "../../core/advisory/index.ts";
import type { InstalledPackage } from "../../core/inventory/index.ts";
import type { ClosedByUpdate, PackageUpdate } from "../../core/plan/index.ts";
import { compareDebText } from "../../core/version/index.ts";

/** What the images of one upstream hold. */
export interface Installed {
  /** The oldest version of each package, by name and architecture. */
  readonly oldest: Map<string, InstalledPackage>;
  /** By name and architecture, every version of it by its text. */
  readonly versions: Map<string, Map<string, InstalledPackage>>;
  /** Ecosystems of the images, as advisories name them: `debian:12`. */
  readonly ecosystems: Set<string>;
}

/** Adds a package to what is held; one that does not come from suites is none of theirs, whatever its name. */
export function noteInstalled({ oldest, versions }: Installed, one: InstalledPackage): void {
  if (one.type !== "deb") return;
  const id = `${one.name}:${one.architecture}`;
  const known = versions.get(id);
  if (known === undefined) versions.set(id, new Map([[one.version, one]]));
  else if (known.has(one.version)) return;
  else known.set(one.version, one);
  const other = oldest.get(id);
  if (other === undefined || compareDebText(one.version, other.version) < 0) oldest.set(id, one);
}

/** What feeds are asked of, for telling what updates close. */
export function keysOfInstalled({ versions, ecosystems }: Installed): AdvisoryKey[] {
  const sources = new Set<string>();
  for (const ones of versions.values()) for (const { source } of ones.values()) sources.add(source);
  return [...ecosystems].flatMap((ecosystem) => [...sources].map((name) => ({ ecosystem, name })));
}

/** A function that tells what an offered version closes, for each installed version that it is newer than; undefined where that is nothing. Each pair of source versions is looked up once. */
export function closedByUpdates(
  index: AdvisoryIndex,
  { versions, ecosystems }: Installed,
  isExploited: (id: string) => boolean = () => false,
): (update: PackageUpdate) => ReadonlyMap<string, ClosedByUpdate> | undefined {
  const remembered = new Map<string, ClosedByUpdate>();
  const look = (source: string, from: string, to: string): ClosedByUpdate => {
    const key = `${source} ${from} ${to}`;
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const closed = [...ecosystems].map((one) => closedAdvisories(index, one, { source, from, to }, isExploited));
    const found = join(closed);
    remembered.set(key, found);
    return found;
  };
  return (update) => {
    const closes = new Map<string, ClosedByUpdate>();
    for (const one of versions.get(`${update.name}:${update.architecture}`)?.values() ?? []) {
      if (compareDebText(update.version, one.version) <= 0) continue;
      // A package may have moved to another source: what is closed is told of the one that it came from.
      const found = look(one.source, one.sourceVersion, update.sourceVersion);
      if (found.advisories.length > 0) closes.set(one.version, found);
    }
    return closes.size === 0 ? undefined : closes;
  };
}

function join(closed: readonly ClosedAdvisories[]): ClosedByUpdate {
  return {
    advisories: [...new Set(closed.flatMap(({ ids }) => ids))].sort(),
    urgent: [...new Set(closed.flatMap(({ urgent }) => urgent))].sort(),
    exploited: [...new Set(closed.flatMap(({ exploited }) => exploited))].sort(),
    vouched: [...new Set(closed.flatMap(({ vouched }) => vouched))].sort(),
  };
}
