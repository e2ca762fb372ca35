import { diffFindings, keysOf, matchAdvisories, type AdvisoryReport, type Finding } from "../../core/advisory/index.ts";
import { formatPlatform, parsePlatform, samePlatform, type Platform } from "../../core/image/index.ts";
import {
  diffPackages,
  diffTrees,
  readInventory,
  sameEntry,
  type Inventory,
  type Tree,
} from "../../core/inventory/index.ts";
import { levelOf } from "../../core/report/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { ImageReader } from "../../io/layer/index.ts";
import { OperationError, type Diff, type OperationHandlers } from "../../operation/index.ts";
import { diffConfigs } from "./diff-configs.ts";
import { findPlatform, readManifests, type ImageLines, type PlatformLines } from "./read-manifests.ts";
import { resolveSide, type OpenedSide, type SideDeps } from "./resolve-side.ts";

export interface DiffDeps extends SideDeps {
  readonly images: ImageReader;
  readonly signal: AbortSignal;
}

/** `diff`: what differs between two digests on one platform. Throws NOT_FOUND, BAD_INPUT, and what opening and reading an image throws. */
export function createDiff(deps: DiffDeps): OperationHandlers["diff"] {
  return async ({ a, b, platform, files }) => {
    const wanted = platform === undefined ? undefined : parsePlatform(platform);
    await using sides = new AsyncDisposableStack();
    const open = async (text: string): Promise<OpenedSide> => {
      const side = await resolveSide(text, deps);
      sides.defer(() => side.close());
      return side;
    };
    const sideA = await open(a);
    const sideB = await open(b);
    const linesA = await readManifests(sideA.source, sideA.reference, deps.signal);
    const linesB = await readManifests(sideB.source, sideB.reference, deps.signal);
    const common = choosePlatform(wanted, { text: a, lines: linesA }, { text: b, lines: linesB });
    const before = await readSide(deps, sideA, linesA, common, files);
    const after = await readSide(deps, sideB, linesB, common, files);
    return {
      a: describeSide(a, linesA, before),
      b: describeSide(b, linesB, after),
      packages: diffPackages(before.inventory, after.inventory).map(({ from, to, path, ...one }) => ({
        ...one,
        from: from ?? null,
        to: to ?? null,
        path: path ?? null,
      })),
      advisories: await diffAdvisories(deps, before.inventory, after.inventory),
      ...diffLayers(before.lines, after.lines),
      config: diffConfigs(before.lines.config, after.lines.config),
      files: before.tree === undefined || after.tree === undefined ? null : changedFiles(before.tree, after.tree),
    };
  };
}

interface NamedLines {
  readonly text: string;
  readonly lines: ImageLines;
}

/** The platform that was asked for, else linux/amd64 where both have it, else the first of `a` that `b` has. */
function choosePlatform(wanted: Platform | undefined, a: NamedLines, b: NamedLines): Platform {
  const shared = a.lines.platforms.map(({ platform }) => platform).filter((one) => findPlatform(b.lines, one));
  const usual = { os: "linux", architecture: "amd64" };
  const found =
    shared.find((one) => samePlatform(one, wanted ?? usual)) ?? (wanted === undefined ? shared[0] : undefined);
  if (found !== undefined) return found;
  const list = ({ text, lines }: NamedLines) =>
    `${text} has ${lines.platforms.map((one) => formatPlatform(one.platform)).join(", ")}`;
  const lacking = wanted === undefined ? "they have no platform in common" : `not both have ${formatPlatform(wanted)}`;
  throw new OperationError("NOT_FOUND", `${lacking}: ${list(a)}; ${list(b)}`);
}

interface ReadSide {
  readonly lines: PlatformLines;
  readonly inventory: Inventory;
  /** Only where files are compared. */
  readonly tree: Tree | undefined;
}

/** What was put down of a digest is taken where it is enough; else the platform's layers are read. */
async function readSide(
  { images, fleet, signal }: DiffDeps,
  side: OpenedSide,
  all: ImageLines,
  platform: Platform,
  files: boolean,
): Promise<ReadSide> {
  const lines = findPlatform(all, platform);
  if (lines === undefined)
    throw new OperationError("NOT_FOUND", `${side.source.name} has no ${formatPlatform(platform)}`);
  const key = side.known?.inventories[formatPlatform(lines.platform)];
  const stored = key === undefined || files ? undefined : await fleet?.store.loadInventory(key);
  if (stored !== undefined) return { lines, inventory: stored, tree: undefined };
  const read = await images.read(side.source, lines.digest, signal);
  const [image] = read.platforms;
  if (image === undefined)
    throw new OperationError("NOT_FOUND", `${side.source.name} has no ${formatPlatform(platform)}`);
  return { lines, inventory: readInventory(image.tree, image.platform), tree: files ? image.tree : undefined };
}

/** What the feeds of the fleet say of both sides, as they were fetched last. */
async function diffAdvisories({ fleet }: DiffDeps, a: Inventory, b: Inventory): Promise<Diff["advisories"]> {
  const feeds = await loadFeeds(fleet?.feeds ?? []);
  const index = await feeds.lookup([...keysOf(a), ...keysOf(b)]);
  const reportOf = (one: Inventory): AdvisoryReport => matchAdvisories(one, index, undefined, feeds.signals);
  const [before, after] = [reportOf(a), reportOf(b)];
  const reasons = [...new Set([...before.reasons, ...after.reasons, ...feeds.doubts])];
  const { closed, brought, remain } = diffFindings(before, after);
  return {
    state: reasons.length === 0 && before.state === "known" && after.state === "known" ? "known" : "unknown",
    reasons,
    closed: closed.map(describeFinding),
    brought: brought.map(describeFinding),
    remain,
  };
}

function describeFinding(one: Finding): Diff["advisories"]["closed"][number] {
  const { id, type, package: name, version, exploited } = one;
  return { id, type, package: name, version, severity: levelOf(one), exploited: exploited !== undefined };
}

function describeSide(reference: string, all: ImageLines, { lines, inventory }: ReadSide): Diff["a"] {
  return {
    reference,
    digest: all.digest,
    platform: formatPlatform(lines.platform),
    packages: inventory.packages.length,
    bytes: lines.layers.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

function diffLayers(a: PlatformLines, b: PlatformLines): Pick<Diff, "layers" | "layersShared"> {
  const inA = new Set(a.layers.map(({ digest }) => digest));
  const inB = new Set(b.layers.map(({ digest }) => digest));
  const only = (lines: PlatformLines, others: ReadonlySet<string>, side: "a" | "b"): Diff["layers"] =>
    lines.layers
      .filter(({ digest }) => !others.has(digest))
      .map(({ digest, bytes, content }) => ({ digest, bytes, content, in: side }));
  return {
    layers: [...only(a, inB, "a"), ...only(b, inA, "b")],
    layersShared: [...inA].filter((digest) => inB.has(digest)).length,
  };
}

function changedFiles(before: Tree, after: Tree): NonNullable<Diff["files"]> {
  const changes = [...diffTrees(before, after, sameEntry)].flatMap(([path, one]) => {
    const change = one.before === undefined ? "added" : one.after === undefined ? "removed" : "changed";
    return path === "" ? [] : [{ path: `/${path}`, change } as const];
  });
  return changes.sort((one, other) => (one.path < other.path ? -1 : 1));
}
