import type { PackageChange } from "../plan/index.ts";

interface Versioned {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/**
 * What changed between two sets of packages, by name and architecture, sorted by both. A package that goes from one
 * architecture to another (`all` to `amd64`) is one change, under the new architecture.
 */
export function diffPackages(before: readonly Versioned[], after: readonly Versioned[]): PackageChange[] {
  const changes: PackageChange[] = [];
  const left = new Map(before.map((record) => [keyOf(record), record]));
  const came: Versioned[] = [];
  for (const record of after) {
    const old = left.get(keyOf(record));
    left.delete(keyOf(record));
    if (old === undefined) came.push(record);
    else if (old.version !== record.version) changes.push(change(record, old.version, record.version));
  }
  const gone = Map.groupBy(left.values(), ({ name }) => name);
  const comeByName = Map.groupBy(came, ({ name }) => name);
  for (const record of came) {
    const old = gone.get(record.name);
    const moved = old?.length === 1 && comeByName.get(record.name)?.length === 1 ? old[0] : undefined;
    if (moved !== undefined) gone.delete(record.name);
    changes.push(change(record, moved?.version, record.version));
  }
  for (const record of [...gone.values()].flat()) changes.push(change(record, record.version, undefined));
  return changes.sort((a, b) => order(a.name, b.name) || order(a.architecture, b.architecture));
}

function change({ name, architecture }: Versioned, from: string | undefined, to: string | undefined): PackageChange {
  return { name, architecture, from, to };
}

function keyOf({ name, architecture }: Versioned): string {
  return `${name}:${architecture}`;
}

function order(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
