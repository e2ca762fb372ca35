import { lookup, type LayerEntry, type PathChanges } from "../inventory/index.ts";
import { formatApkInstalled, parseApkInstalled, type ApkFile } from "./apk-database.ts";
import { readStatus, statusPath } from "./bases.ts";
import { checkRelations } from "./check-relations.ts";
import { formatStanzas } from "./dpkg-database.ts";
import { mergeApk } from "./merge-apk.ts";
import { mergePackages, type Stanzas } from "./merge-packages.ts";
import type { MergeLayerBuilder } from "./merge-layer.ts";
import { textOf } from "./merge-text.ts";
import type { RebaseFacts } from "./plan-rebase.ts";
import type { Refusal, Treatment } from "./types.ts";

/** What came of the package databases. */
export interface DatabaseMerge {
  readonly reasons: readonly Refusal[];
  readonly treatments: readonly Treatment[];
  /** Paths that are judged: the databases, and files that the application has by right. */
  readonly settled: ReadonlySet<string>;
  /** Whether the application has packages that are not the base's. */
  readonly ownPackages: boolean;
  /** dpkg's stanzas of the image, and of the rebased image; undefined where the application has none of its own. */
  readonly before: Stanzas | undefined;
  readonly after: Stanzas | undefined;
}

const statusD = "var/lib/dpkg/status.d/";
const apkPaths = ["lib/apk/db/installed", "usr/lib/apk/db/installed"] as const;
const none: Stanzas = new Map();

/** Merges dpkg's status and apk's installed, where the application has its own. Files of `status.d` are one a package, and need no merging. */
export function mergeDatabases(facts: RebaseFacts, touched: PathChanges, layer: MergeLayerBuilder): DatabaseMerge {
  const reasons: Refusal[] = [];
  const treatments: Treatment[] = [];
  const settled = new Set<string>();
  const carried = new Set(facts.merged?.entries.map(({ path }) => path));
  const isOwn = (path: string): boolean => touched.has(path) || carried.has(path);
  let ownPackages = [...touched.keys()].some((path) => path.startsWith(statusD));
  for (const path of apkPaths) {
    if (!isOwn(path)) continue;
    ownPackages = true;
    settled.add(path);
    mergeApkFile(path, facts, layer, reasons, treatments);
  }
  const dpkg = isOwn(statusPath) ? mergeStatus(facts, layer, reasons, treatments) : undefined;
  for (const path of dpkg?.excused ?? []) settled.add(path);
  settled.add(statusPath);
  return {
    reasons,
    treatments,
    settled,
    ownPackages: ownPackages || dpkg?.ownPackages === true,
    before: dpkg?.before,
    after: dpkg?.after,
  };
}

interface StatusMerge {
  readonly excused: ReadonlySet<string>;
  readonly ownPackages: boolean;
  readonly before: Stanzas;
  readonly after: Stanzas;
}

function mergeStatus(
  { bases, image, result }: RebaseFacts,
  layer: MergeLayerBuilder,
  reasons: Refusal[],
  treatments: Treatment[],
): StatusMerge | undefined {
  const own = readStatus(image.tree);
  if (own === undefined) {
    const reason = "the application removed it: no package is listed, as before";
    treatments.push({ path: statusPath, action: "kept", reason });
    return undefined;
  }
  for (const file of [bases.oldStatus, bases.status, own])
    if (file?.kind === "unreadable") {
      reasons.push({ code: "unreadable", path: statusPath, message: file.problem });
      return undefined;
    }
  const old = bases.oldStatus?.kind === "read" ? bases.oldStatus.stanzas : none;
  const base = bases.status?.kind === "read" ? bases.status.stanzas : none;
  if (own.kind !== "read") return undefined;
  if (bases.status === undefined && bases.oldStatus !== undefined) {
    const message = "the application has packages in dpkg's database, and the new base has no such database";
    reasons.push({ code: "package", path: statusPath, message });
    return undefined;
  }
  const trees = { bases, image: image.tree, result: result.tree };
  const merge = mergePackages(old, base, own.stanzas, trees);
  reasons.push(...merge.refusals, ...checkRelations(merge, old, base, own.stanzas));
  // Where one side changed nothing its text is right to the byte, order and all.
  const pieces = bases.paths.has(statusPath)
    ? merge.baseIsWhole
      ? [bases.statusText, Buffer.from(formatStanzas(merge.own), "utf8")]
      : [Buffer.from(formatStanzas(merge.stanzas.values()), "utf8")]
    : [contentAt(image.tree, statusPath) ?? Buffer.alloc(0)];
  const entry = entryAt(image.tree, statusPath) ?? entryAt(bases.base.tree, statusPath);
  layer.file(statusPath, entry ?? { mode: 0o644, uid: 0, gid: 0 }, pieces);
  if (bases.paths.has(statusPath)) {
    treatments.push({
      path: statusPath,
      action: "merged",
      reason: "package by package: old base, new base, application",
    });
    const copy = `${statusPath}-old`;
    if (layer.drop(copy)) treatments.push({ path: copy, action: "dropped", reason: "it names versions of before" });
  }
  return { excused: merge.excused, ownPackages: merge.own.length > 0, before: own.stanzas, after: merge.stanzas };
}

function mergeApkFile(
  path: (typeof apkPaths)[number],
  { bases, image }: RebaseFacts,
  layer: MergeLayerBuilder,
  reasons: Refusal[],
  treatments: Treatment[],
): void {
  if (!bases.paths.has(path)) {
    layer.file(path, entryAt(image.tree, path) ?? { mode: 0o644, uid: 0, gid: 0 }, [
      contentAt(image.tree, path) ?? Buffer.alloc(0),
    ]);
    return;
  }
  const sides: ApkFile[] = [bases.old.tree, bases.base.tree, image.tree].map((tree) => {
    const text = textOf(tree, path);
    if (text === undefined) return { kind: "unreadable", problem: `${path} could not be read` };
    return parseApkInstalled(text, path);
  });
  const [old, base, own] = sides;
  for (const side of sides)
    if (side.kind === "unreadable") reasons.push({ code: "unreadable", path, message: side.problem });
  if (old?.kind !== "read" || base?.kind !== "read" || own?.kind !== "read") return;
  const { packages, refusals } = mergeApk(old.packages, base.packages, own.packages);
  reasons.push(...refusals);
  const entry = entryAt(image.tree, path) ?? { mode: 0o644, uid: 0, gid: 0 };
  layer.file(path, entry, [Buffer.from(formatApkInstalled(packages.values()), "utf8")]);
  treatments.push({ path, action: "merged", reason: "package by package: old base, new base, application" });
}

function entryAt(tree: RebaseFacts["image"]["tree"], path: string): LayerEntry | undefined {
  const found = lookup(tree, path);
  return found.kind === "found" ? found.node.entry : undefined;
}

function contentAt(tree: RebaseFacts["image"]["tree"], path: string): Buffer | undefined {
  const content = entryAt(tree, path)?.content;
  return content === undefined ? undefined : Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}
