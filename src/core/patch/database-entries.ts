import { listFolder, lookup } from "../inventory/index.ts";
import { generatedTime, statusStanza, type LayerEntry } from "../layer/index.ts";
import type { Original, PlacedPackage } from "./types.ts";

const home = "var/lib/dpkg";
const shape = { kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: generatedTime } as const;

/** What the package database says after a patch. */
export interface PatchedDatabase {
  readonly entries: readonly LayerEntry[];
  /** Its files of the old versions that nothing takes the place of. */
  readonly whiteouts: readonly string[];
}

/**
 * dpkg's `status` with the stanzas of the swapped packages, every other byte as it was; or, where each package has a file of its own, those files under the names that they have. What dpkg
 * keeps in `info/` comes with the packages' own members. Its copy of the former status goes.
 */
export function databaseEntries(original: Original, placed: readonly PlacedPackage[]): PatchedDatabase {
  if (original.database === "status.d")
    return { entries: placed.flatMap((each) => statusFiles(original, each)), whiteouts: [] };
  const status = Buffer.from(mergeStatus(original, placed), "latin1");
  const whiteouts = placed.flatMap((each) => staleInfo(original, each));
  const former = `${home}/status-old`;
  if (lookup(original.tree, former, false).kind === "found") whiteouts.push(former);
  return { entries: [{ ...shape, path: `${home}/status`, content: status }], whiteouts };
}

/** Stanzas by bytes, those of new packages before the first whose name comes after theirs. */
function mergeStatus({ status, packages }: Original, placed: readonly PlacedPackage[]): string {
  const pieces: { readonly at: number; readonly end: number; readonly name: string; readonly text: string }[] = [];
  const starts = packages.flatMap(({ name, place }) => (place.kind === "status" ? [{ name, at: place.start }] : []));
  for (const { package: next, old, conffiles } of placed) {
    const rows = conffiles.map(({ path, md5, obsolete }) => [path, obsolete ? `${md5} obsolete` : md5] as const);
    const text = Buffer.from(statusStanza({ ...next.facts, conffiles: rows }), "utf8").toString("latin1");
    const { name } = next.facts;
    if (old?.place.kind === "status") {
      pieces.push({ at: old.place.start, end: old.place.end, name, text });
      continue;
    }
    const at = starts.find((each) => each.name > name)?.at ?? status.length;
    pieces.push({ at, end: at, name, text });
  }
  pieces.sort((a, b) => a.at - b.at || a.end - b.end || (a.name < b.name ? -1 : 1));
  let merged = "";
  let done = 0;
  for (const { at, end, text } of pieces) {
    const kept = status.slice(done, at);
    merged += kept === "" || kept.endsWith("\n\n") ? kept : `${kept.trimEnd()}\n\n`;
    merged += text;
    done = end;
  }
  return merged + status.slice(done);
}

function statusFiles({ tree }: Original, { package: next, old, conffiles }: PlacedPackage): LayerEntry[] {
  const { facts, files } = next;
  const path = old?.place.kind === "file" ? old.place.path : `${home}/status.d/${facts.name}`;
  const former = old?.stanza ?? "";
  const status = /^Status:.*$/im.exec(former)?.[0];
  const [first = "", ...rest] = facts.control.split("\n");
  const rows = conffiles.map((one) => `\n ${one.path} ${one.md5}${one.obsolete ? " obsolete" : ""}`);
  const hasRows = rows.length > 0 && (old === undefined || /^Conffiles:/im.test(former));
  const text = [
    first,
    ...(status === undefined ? [] : [status]),
    ...rest,
    ...(hasRows ? [`Conffiles:${rows.join("")}`] : []),
    "",
  ].join("\n");
  const entries: LayerEntry[] = [
    { ...shape, path, content: Buffer.from(text, "utf8") },
    { ...shape, path: `${path}.md5sums`, content: Buffer.from(files.get("md5sums") ?? "", "latin1") },
  ];
  const list = `${old?.info ?? `${home}/info/${facts.name}`}.list`;
  if (lookup(tree, list).kind === "found")
    entries.push({ ...shape, path: list, content: Buffer.from(files.get("list") ?? "", "latin1") });
  return entries;
}

/** Files of the old version in `info/`: `postrm` of one that has none any more, or all of them where its names changed. */
function staleInfo({ tree }: Original, { package: next, old }: PlacedPackage): string[] {
  if (old === undefined) return [];
  const { facts, files } = next;
  const base = old.info.slice(`${home}/info/`.length);
  const now = `${facts.name}${facts.multiArchSame ? `:${facts.architecture}` : ""}`;
  return listFolder(tree, `${home}/info`).flatMap((name) => {
    const ending = name.startsWith(`${base}.`) ? name.slice(base.length + 1) : "";
    if (ending === "" || ending.includes(".") || (base === now && files.has(ending))) return [];
    return [`${home}/info/${name}`];
  });
}
