import {
  diffTrees,
  findEntrypoint,
  findUser,
  identical,
  lookup,
  sameEntry,
  type LayerFacts,
  type PathChange,
} from "../inventory/index.ts";
import { checkIds, checkMergedIds, parseAccounts, readAccounts } from "./accounts.ts";
import type { BaseChange } from "./bases.ts";
import { checkLibraries, type OwnFile } from "./check-libraries.ts";
import { derivedPath } from "./derived-paths.ts";
import { mergeDatabases, type DatabaseMerge } from "./merge-databases.ts";
import { MergeLayerBuilder } from "./merge-layer.ts";
import { treatPath } from "./treat-path.ts";
import type { PackageStep, RebasePlan, RebaseSide, Refusal, Treatment } from "./types.ts";

/** What a rebase of one platform is decided from. */
export interface RebaseFacts {
  readonly bases: BaseChange;
  readonly image: RebaseSide;
  /** The application's layers on the new base, without one of ours; its config is that of the rebased image. */
  readonly result: RebaseSide;
  /** Facts of a last layer of the image that an earlier rebase has put there, and that is left out of `result`. */
  readonly merged?: LayerFacts;
}

const maxReasons = 50;
/** Names libraries of the base also where the base has none. */
const loaderCache = "etc/ld.so.cache";
/** What a layer's reader left out, and an engine may not. */
const hiding = new Set(["escape", "bad-name", "bad-whiteout", "bad-link"]);

/**
 * Whether the application of an image can stand on the new base, and what its last layer must then hold. Allowed only where shown safe: no path that the base changed is hidden or
 * deleted, except what DESIGN's table lets be; packages, accounts, libraries and interpreters are as the application needs them. Pure: the same facts give the same plan.
 */
export function planRebase(facts: RebaseFacts): RebasePlan {
  const { bases, image, result } = facts;
  const reasons: Refusal[] = [];
  const treatments: Treatment[] = [];
  const notes: string[] = [];
  checkReadable(facts, reasons);

  const touched = diffTrees(bases.base.tree, result.tree, identical);
  const layer = new MergeLayerBuilder(result.tree);
  const database = mergeDatabases(facts, touched, layer);
  reasons.push(...database.reasons);
  treatments.push(...database.treatments);
  if (database.ownPackages) checkRelease(bases, reasons);

  const own: OwnFile[] = [];
  for (const [path, change] of touched) {
    const { after } = change;
    if (after !== undefined && after.children === undefined) own.push({ path, entry: after.entry });
    const isStale = path === loaderCache && bases.libraries;
    if (path === "" || (!isStale && !bases.paths.has(path)) || database.settled.has(path)) continue;
    judgePath(path, change, { facts, layer, reasons, treatments, settled: database.settled });
  }
  for (const path of new Set([
    ...(facts.merged?.entries ?? []).map((entry) => entry.path),
    ...(facts.merged?.whiteouts ?? []),
  ]))
    if (!bases.paths.has(path) || !touched.has(path)) carryOver(path, facts, layer, reasons, treatments, database);

  checkAccounts(facts, own, layer, reasons);
  reasons.push(...checkLibraries(own, image, result, bases));
  checkEntrypoint(facts, reasons);
  if (reasons.length > 0) return { kind: "refused", reasons: reasons.slice(0, maxReasons) };
  return {
    kind: "rebase",
    merge: layer.build(),
    treatments: [...new Map(treatments.map((each) => [each.path, each])).values()].sort((a, b) =>
      a.path < b.path ? -1 : 1,
    ),
    packages: stepsOf(facts, database),
    notes,
  };
}

interface Judging {
  readonly facts: RebaseFacts;
  readonly layer: MergeLayerBuilder;
  readonly reasons: Refusal[];
  readonly treatments: Treatment[];
  readonly settled: ReadonlySet<string>;
}

/** A path that base and application both have otherwise than the old base. */
function judgePath(path: string, { before, after }: PathChange, judging: Judging): void {
  const { facts, layer, reasons, treatments } = judging;
  const { bases } = facts;
  if (before !== undefined && after !== undefined && sameEntry(before.entry, after.entry)) return;
  if (derivedPath(path) !== undefined) {
    const treated = treatPath(path, facts, layer);
    if (treated.kind === "refused") reasons.push(treated.reason);
    else if (treated.treatment !== undefined) treatments.push(treated.treatment);
    return;
  }
  const was = bases.paths.get(path)?.before;
  if (after === undefined) {
    reasons.push({ code: "deletes", path, message: `the application deletes ${path}, which the base changed` });
    return;
  }
  if (after.children !== undefined && was?.children !== undefined && sameEntry(was.entry, after.entry)) {
    if (before?.children !== undefined) {
      // Archives name the folders of what they hold: the application has not changed it.
      layer.folder(path, before.entry);
      return;
    }
    if (before === undefined) {
      reasons.push({
        code: "folder-gone",
        path,
        message: `the application has files in ${path}, a folder that the new base no longer has`,
      });
      return;
    }
  }
  reasons.push({ code: "overwrites", path, message: `the application has its own ${path}, which the base changed` });
}

/** What an earlier rebase merged stays merged, also where the base did not change it this time. */
function carryOver(
  path: string,
  facts: RebaseFacts,
  layer: MergeLayerBuilder,
  reasons: Refusal[],
  treatments: Treatment[],
  { settled }: DatabaseMerge,
): void {
  if (settled.has(path)) return;
  const found = lookup(facts.image.tree, path, false);
  if (found.kind === "found" && found.node.children !== undefined) return;
  const treated = treatPath(path, facts, layer);
  if (treated.kind === "refused") reasons.push(treated.reason);
  else if (treated.treatment !== undefined) treatments.push(treated.treatment);
}

/** Nothing is shown of what could not be read. */
function checkReadable({ image, bases, result }: RebaseFacts, reasons: Refusal[]): void {
  const known = new Set<string>();
  for (const tree of [image.tree, bases.base.tree])
    for (const { kind, path, message } of tree.problems) {
      known.add(`${kind} ${path}`);
      if (hiding.has(kind)) reasons.push({ code: "unreadable", path, message: `${path}: ${message}` });
    }
  for (const { kind, path, message } of result.tree.problems)
    if ((kind === "ambiguous" || kind === "bad-link") && !known.has(`${kind} ${path}`))
      reasons.push({ code: "unreadable", path, message: `${path}: on the new base ${message}` });
}

/** Packages of one release are not made for another. */
function checkRelease({ oldRelease, release }: BaseChange, reasons: Refusal[]): void {
  const nameOf = (one: BaseChange["release"]): string =>
    `${one?.id ?? "none"} ${one?.codename ?? one?.versionId ?? ""}`;
  if (nameOf(oldRelease) === nameOf(release)) return;
  reasons.push({
    code: "release",
    message: `the application has packages of ${nameOf(oldRelease).trim()}, and the new base is ${nameOf(release).trim()}`,
  });
}

function checkAccounts(
  { bases, image, result }: RebaseFacts,
  own: readonly OwnFile[],
  layer: MergeLayerBuilder,
  reasons: Refusal[],
): void {
  const users = new Map<number, string>();
  const groups = new Map<number, string>();
  for (const { path, entry } of own) {
    if (!users.has(entry.uid)) users.set(entry.uid, path);
    if (!groups.has(entry.gid)) groups.set(entry.gid, path);
  }
  for (const [kind, path, used] of [
    ["user", "etc/passwd", users],
    ["group", "etc/group", groups],
  ] as const) {
    const text = layer.textOf(path);
    const before = readAccounts(image.tree, path);
    const now = text === undefined ? readAccounts(result.tree, path) : parseAccounts(text);
    reasons.push(...checkIds(kind, used, before, now));
    if (text !== undefined) reasons.push(...checkMergedIds(kind, now, readAccounts(bases.base.tree, path), before));
  }
  const wanted = image.config.config?.User ?? "";
  if (wanted === "" || result.config.config?.User !== wanted) return;
  const merged = layer.preview();
  const before = findUser({ tree: image.tree, config: image.config.config });
  const now = findUser({ tree: merged, config: result.config.config });
  if (before === undefined || (now?.uid === before.uid && now.gids[0] === before.gids[0])) return;
  reasons.push({
    code: "account",
    path: "etc/passwd",
    message: `the image runs as ${wanted} (${before.uid}:${before.gids[0] ?? 0}), which is ${now === undefined ? "not there" : `${now.uid}:${now.gids[0] ?? 0}`} on the new base`,
  });
}

function checkEntrypoint({ image, result }: RebaseFacts, reasons: Refusal[]): void {
  const before = findEntrypoint({ tree: image.tree, config: image.config.config });
  if (before === undefined) return;
  const { config } = result.config;
  const now = findEntrypoint({ tree: result.tree, config });
  const program = config?.Entrypoint?.[0] ?? config?.Cmd?.[0];
  if (program === undefined || (now !== undefined && (now.node.entry.mode & 0o111) !== 0)) return;
  reasons.push({
    code: "entrypoint",
    path: program,
    message: `${program}, which the image starts, is not in it any more`,
  });
}

/** Packages that the rebased image has otherwise than before. */
function stepsOf({ bases }: RebaseFacts, { before, after }: DatabaseMerge): PackageStep[] {
  const [from, to] =
    before === undefined || after === undefined
      ? [bases.oldStatus, bases.status].map((file) => (file?.kind === "read" ? file.stanzas : new Map()))
      : [before, after];
  const steps: PackageStep[] = [];
  for (const key of new Set([...(from?.keys() ?? []), ...(to?.keys() ?? [])])) {
    const [one, other] = [from?.get(key), to?.get(key)];
    if (one === other) continue;
    const was = one?.present === true ? one.version : undefined;
    const now = other?.present === true ? other.version : undefined;
    const named = other ?? one;
    if (named === undefined || was === now) continue;
    steps.push({ name: named.name, architecture: named.architecture, from: was, to: now });
  }
  return steps.sort((a, b) => (a.name < b.name ? -1 : 1));
}
