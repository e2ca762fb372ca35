import {
  BuildError,
  mergePackages,
  type Alteration,
  type PackageFacts,
  type PathTable,
} from "../../core/layer/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { mapBounded } from "./gate.ts";
import type { ConvertedPackage, PackageCache } from "./package-cache.ts";

const loadsAtATime = 16;
/** What goes through a link of another package may meet the next link there. */
const maxSteps = 8;

/** A converted package as it stands beside the others of its image. */
export interface LoadedPackage {
  readonly record: PackageRecord;
  readonly converted: ConvertedPackage;
  /** How it gave way to others. */
  readonly steps: readonly Alteration[];
}

/**
 * All packages of one image, converted, in order of name, each path of one package only. Throws BAD_REQUEST for two versions or architectures of one package,
 * FILE_CONFLICT, and what converting throws.
 */
export async function loadPackages(
  records: readonly PackageRecord[],
  cache: PackageCache,
  table: PathTable,
  signal?: AbortSignal,
): Promise<LoadedPackage[]> {
  checkOnce(records);
  const sorted = [...records].sort((a, b) => (a.name < b.name ? -1 : 1));
  const loaded = new Map<string, LoadedPackage>();
  const load = async (record: PackageRecord, steps: readonly Alteration[]): Promise<void> => {
    signal?.throwIfAborted();
    const converted = await cache.load(record, steps);
    table.add(converted.key, converted.facts);
    loaded.set(record.name, { record, converted, steps });
  };
  await mapBounded(sorted, loadsAtATime, (record) => load(record, []));

  const names = new Set(loaded.keys());
  for (let step = 0; ; step += 1) {
    const contested = table
      .contested(names)
      .sort()
      .flatMap((name) => loaded.get(name) ?? []);
    const altered = [...mergePackages(contested.map(({ converted }): PackageFacts => converted.facts))];
    if (altered.length === 0) break;
    if (step === maxSteps) {
      throw new BuildError(
        "FILE_CONFLICT",
        `links of these packages lead into one another: ${altered.map(([name]) => name).join(", ")}`,
      );
    }
    await mapBounded(altered, loadsAtATime, async ([name, alteration]) => {
      const before = loaded.get(name);
      if (before !== undefined) await load(before.record, [...before.steps, alteration]);
    });
  }
  return sorted.flatMap(({ name }) => loaded.get(name) ?? []);
}

function checkOnce(records: readonly PackageRecord[]): void {
  const seen = new Map<string, PackageRecord>();
  for (const record of records) {
    const other = seen.get(record.name);
    if (other !== undefined) {
      const [one, two] = [other, record].map(
        ({ name, version, architecture }) => `${name} ${version} (${architecture})`,
      );
      throw new BuildError("BAD_REQUEST", `${one ?? ""} and ${two ?? ""} cannot be in one image`, {
        hint: "An image holds one version and one architecture of a package.",
      });
    }
    seen.set(record.name, record);
  }
}
