import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { findChangelog, suggestFixedIds, type ChangelogEntry } from "../../core/advisory/index.ts";
import { debsOf, type Inventory } from "../../core/inventory/index.ts";
import type { TarHeader, TarSink } from "../../core/layer/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { readDeb } from "../../io/distro/index.ts";
import type { KeyedCause } from "../../io/store/index.ts";

const unpack = promisify(gunzip);
const maxChangelog = 16_777_216;
const kinds = new Map([
  ["0", "file"],
  ["2", "symlink"],
]);

/**
 * The causes, each `package` cause with the CVEs that the changelog of its source names between the version that is installed and the one that comes: a hint, once per
 * source. `fetch` gives the path of a package's file. What cannot be read suggests nothing.
 */
export async function suggestAdvisories(
  causes: readonly KeyedCause[],
  before: readonly Inventory[],
  packages: readonly PackageRecord[],
  fetch: (record: PackageRecord) => Promise<string>,
): Promise<KeyedCause[]> {
  const installed = new Map<string, string>();
  for (const one of before.flatMap(debsOf)) installed.set(one.source, one.sourceVersion);
  return Promise.all(
    causes.map(async (keyed) => {
      const { cause } = keyed;
      if (cause.kind !== "package") return keyed;
      const from = installed.get(cause.source);
      if (from === undefined) return keyed;
      const candidates = packages.filter(
        (record) => record.source === cause.source && record.sourceVersion === cause.to,
      );
      const ids = await firstSuggestion(candidates, from, cause.to, fetch);
      return { key: keyed.key, cause: { ...cause, advisories: [...new Set([...cause.advisories, ...ids])].sort() } };
    }),
  );
}

async function firstSuggestion(
  records: readonly PackageRecord[],
  from: string,
  to: string,
  fetch: (record: PackageRecord) => Promise<string>,
): Promise<readonly string[]> {
  // The smallest file first: all packages of one source carry the same changelog.
  for (const record of [...records].sort((a, b) => a.size - b.size).slice(0, 4)) {
    try {
      const text = await readChangelog(record.name, await fetch(record));
      const suggestion = text === undefined ? undefined : suggestFixedIds(text, from, to);
      if (suggestion?.kind === "suggested") return suggestion.ids.map(({ id }) => id);
    } catch {
      continue;
    }
  }
  return [];
}

/** The changelog in the package file at `path`; undefined where it has none of its own. Throws what reading a package throws. */
export async function readChangelog(name: string, path: string): Promise<string | undefined> {
  const deb = await readDeb(path);
  const collector = createCollector(`usr/share/doc/${name}`);
  await deb.readData(collector);
  const place = findChangelog(name, collector.entries);
  if (place.kind !== "file") return undefined;
  const bytes = collector.contents.get(place.path);
  if (bytes === undefined) return undefined;
  const packed = Buffer.concat(bytes);
  const plain =
    packed[0] === 0x1f && packed[1] === 0x8b ? await unpack(packed, { maxOutputLength: maxChangelog }) : packed;
  return plain.toString("utf8");
}

function createCollector(folder: string): TarSink & {
  readonly entries: readonly ChangelogEntry[];
  readonly contents: ReadonlyMap<string, Buffer[]>;
} {
  const entries: ChangelogEntry[] = [];
  const contents = new Map<string, Buffer[]>();
  let current: Buffer[] | undefined;
  let size = 0;
  return {
    entries,
    contents,
    begin: ({ path, link, flag }: TarHeader) => {
      const plain = path.replace(/^\.?\/+/, "").replace(/\/+$/, "");
      current = undefined;
      if (plain !== folder && !plain.startsWith(`${folder}/changelog`)) return;
      const type = kinds.get(flag);
      if (type === undefined) return;
      entries.push({ path, type, ...(link === "" ? {} : { link }) });
      if (type === "file") contents.set(path, (current = []));
    },
    data: (chunk) => {
      size += current === undefined ? 0 : chunk.length;
      if (size <= maxChangelog) current?.push(Buffer.from(chunk));
    },
    end: () => {
      current = undefined;
    },
  };
}
