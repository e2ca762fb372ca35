import {
  diffFindings,
  isSettled,
  keysOf,
  matchAdvisories,
  type AdvisoryReport,
  type Finding,
} from "../../core/advisory/index.ts";
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
import type { ImageDigest } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import { loadFleetVex, type FleetVex } from "../../loop/fleet-vex.ts";
import { madeFromOf } from "../../loop/made-from.ts";
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
    const [openedA, openedB] = [await open(a), await open(b)];
    const linesA = await readManifests(openedA.source, openedA.reference, deps.signal);
    const linesB = await readManifests(openedB.source, openedB.reference, deps.signal);
    const sideA = await withKnown(openedA, linesA.digest, deps);
    const sideB = await withKnown(openedB, linesB.digest, deps);
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
      advisories: await diffAdvisories(deps, before, after),
      ...diffLayers(before.lines, after.lines),
      config: diffConfigs(before.lines.config, after.lines.config),
      files: before.tree === undefined || after.tree === undefined ? null : changedFiles(before.tree, after.tree),
    };
  };
}

/** A digest of the fleet is one by whatever name it was asked for. */
async function withKnown(side: OpenedSide, digest: Digest, { fleet }: DiffDeps): Promise<OpenedSide> {
  if (side.known !== undefined || fleet === undefined) return side;
  const rows = await fleet.store.loadDigests([digest]);
  const isOf = ({ image }: ImageDigest): boolean =>
    Object.hasOwn(fleet.config.images, image) && fleet.repositoryOf(image).name === side.source.name;
  return { ...side, known: rows.find(isOf) };
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
  readonly side: OpenedSide;
  /** The digest that was asked for, and the platform's. */
  readonly digests: readonly Digest[];
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
  const digests = [...new Set([all.digest, lines.digest])];
  const key = side.known?.inventories[formatPlatform(lines.platform)];
  const stored = key === undefined || files ? undefined : await fleet?.store.loadInventory(key);
  if (stored !== undefined) return { side, digests, lines, inventory: stored, tree: undefined };
  const read = await images.read(side.source, lines.digest, signal);
  const [image] = read.platforms;
  if (image === undefined)
    throw new OperationError("NOT_FOUND", `${side.source.name} has no ${formatPlatform(platform)}`);
  const inventory = readInventory(image.tree, image.platform);
  return { side, digests, lines, inventory, tree: files ? image.tree : undefined };
}

/** What the feeds of the fleet say of both sides, as they were fetched last, with what is said of that by VEX. */
async function diffAdvisories({ fleet }: DiffDeps, a: ReadSide, b: ReadSide): Promise<Diff["advisories"]> {
  const feeds = await loadFeeds(fleet?.feeds ?? []);
  const known = [a, b].flatMap(({ side }) => side.known ?? []);
  const vex = fleet === undefined ? undefined : await loadFleetVex(fleet, known);
  const madeFrom = ({ side }: ReadSide) => fleet && madeFromOf(fleet.config, side.known?.image);
  const index = await feeds.lookup([a, b].flatMap((one) => keysOf(one.inventory, madeFrom(one))));
  const [before, after] = [a, b].map((one) => {
    const report = matchAdvisories(one.inventory, index, madeFrom(one), feeds.signals);
    return { ...report, findings: vex === undefined ? report.findings : applySaid(vex, report.findings, one) };
  }) as [AdvisoryReport, AdvisoryReport];
  // A word that could not be read sets nothing aside: what it would have been about is listed as open.
  const reasons = [...new Set([...before.reasons, ...after.reasons, ...feeds.doubts])];
  const { closed, brought, remain } = diffFindings(before, after);
  return {
    state: reasons.length === 0 && before.state === "known" && after.state === "known" ? "known" : "unknown",
    reasons,
    closed: closed.map(describeFinding),
    brought: brought.map(describeFinding),
    remain: remain.filter((one) => !isSettled(one)).length,
    settled: remain.filter(isSettled).map(describeFinding),
  };
}

function applySaid(vex: FleetVex, findings: readonly Finding[], { side, digests, inventory }: ReadSide): Finding[] {
  if (side.known !== undefined) return vex.apply(findings, side.known, inventory);
  return vex.applyElsewhere(findings, { digests, repositories: [side.source.name], inventory });
}

function describeFinding(one: Finding): Diff["advisories"]["closed"][number] {
  const { id, type, package: name, version, exploited, vex } = one;
  return {
    id,
    type,
    package: name,
    version,
    severity: levelOf(one),
    exploited: exploited !== undefined,
    vex: vex === undefined ? null : { status: vex.status, by: vex.by, reason: vex.reason },
    open: !isSettled(one),
  };
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
