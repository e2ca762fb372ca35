import {
  BuildError,
  LayerTree,
  generatedTime,
  placeFiles,
  planLayers,
  type LayerEntry,
  type PackageFacts,
} from "../../core/layer/index.ts";
import { mediaTypes } from "../../core/image/index.ts";
import type { DatabaseKind, LayerRecord, MemberKind } from "./convert-package.ts";
import { mapBounded } from "./gate.ts";
import type { FolderMaker, LayerMaker, MadeLayer } from "./generated-layer.ts";
import type { LayerRecords } from "./layer-records.ts";
import type { LoadedPackage } from "./load-packages.ts";
import { trailerMember } from "./member.ts";
import type { PackageCache } from "./package-cache.ts";
import type { LayerPart, PartReader } from "./read-layer-parts.ts";
import type { SystemLayerMaker } from "./system-layer.ts";
import type { AssembledLayer, AssembleRequest, PlatformPackages } from "./types.ts";

/** A layer, and its bytes for whoever lacks them. */
export interface LaidOutLayer extends AssembledLayer {
  readonly open: () => AsyncIterable<Uint8Array>;
}

/** What the assembler has for all images. */
export interface LayoutContext {
  readonly cache: PackageCache;
  readonly records: LayerRecords;
  readonly reader: PartReader;
  readonly folders: FolderMaker;
  readonly makeLayer: LayerMaker;
  readonly systemLayer: SystemLayerMaker;
}

const namesShown = 12;
const layersAtATime = 4;

/** All layers of one platform: those of packages, what no package ships, the files of the configuration. */
export async function layOutImage(
  context: LayoutContext,
  loaded: readonly LoadedPackage[],
  platform: PlatformPackages,
  request: AssembleRequest,
): Promise<LaidOutLayer[]> {
  const byName = new Map(loaded.map((each) => [each.record.name, each]));
  const kind: DatabaseKind = byName.has("dpkg") ? "info" : "status.d";
  const groups = planLayers(
    loaded.map(({ record: { name, source, size } }) => ({ name, source, size })),
    platform.lineage,
  ).map(({ packages }) => packages.flatMap((name) => byName.get(name) ?? []));
  const layers = await mapBounded(groups, layersAtATime, (group) => packageLayer(context, group, kind));

  const inOrder = groups.flat().map(({ converted }) => converted.facts);
  const tree = new LayerTree(inOrder);
  const put = ({ record, parts }: MadeLayer, history: string): void => {
    layers.push({ ...describe(record), history, packages: [], open: () => context.reader.read(parts) });
  };
  const add = async (entries: readonly LayerEntry[], history: string): Promise<void> => {
    if (entries.length > 0) put(await context.makeLayer(tree.withParents(entries)), history);
  };
  const system = await context.systemLayer(groups, platform, request, tree);
  checkUser(request, system.passwd, tree);
  tree.add(system.nodes);
  put(system.made, kind === "info" ? "tidemill: generated files, package database" : "tidemill: generated files");
  await add(placeFiles(request.files, tree), "tidemill: files");
  return layers;
}

/** One package has its layer's digests in its conversion; several are put together from their members, with their folders once. */
async function packageLayer(
  { cache, records, reader, folders }: LayoutContext,
  group: readonly LoadedPackage[],
  kind: DatabaseKind,
): Promise<LaidOutLayer> {
  const part = ({ record, steps, converted }: LoadedPackage, name: MemberKind): LayerPart => ({
    member: converted.members[name],
    restore: async () => (await cache.repair(record, steps)).members[name],
  });
  const [only, ...others] = group;
  const alone = others.length === 0 ? only : undefined;
  const parts = [
    alone === undefined ? { member: await folders(group.map(({ converted }) => converted)) } : part(alone, "folders"),
    ...group.flatMap((each) => [part(each, "data"), part(each, kind)]),
    { member: trailerMember },
  ];
  const open = (): AsyncIterable<Buffer> => reader.read(parts);
  const record =
    alone?.converted.layers[kind] ??
    (await records.record(
      parts.map(({ member }) => member.key),
      open,
    ));
  return { ...describe(record), history: historyOf(group), packages: group.map((each) => each.record.name), open };
}

/** Throws BAD_REQUEST where the image would run as an account that it does not have: no container of it could start. */
function checkUser({ image, run, files }: AssembleRequest, passwd: string, tree: LayerTree): void {
  const [user = ""] = (run.user ?? "").split(":");
  if (user === "" || /^\d+$/.test(user) || files.some(({ path }) => path === "/etc/passwd")) return;
  if (tree.findFile(new Set(["etc/passwd"])) !== undefined) return;
  if (passwd.split("\n").some((line) => line.startsWith(`${user}:`))) return;
  throw new BuildError("BAD_REQUEST", `${image} runs as ${user}, and has no such account`, {
    hint: "Name it under `accounts:`, or give a number.",
  });
}

function describe({ digest, size, diffId }: LayerRecord): Pick<AssembledLayer, "descriptor" | "diffId"> {
  return { descriptor: { mediaType: mediaTypes.layerGzip, digest, size }, diffId };
}

function historyOf(group: readonly LoadedPackage[]): string {
  const shown = group.slice(0, namesShown).map(({ record }) => `${record.name} ${record.version}`);
  const more = group.length - shown.length;
  return `tidemill: ${shown.join(", ")}${more > 0 ? `, and ${more} more` : ""}`;
}

const newestOf = new WeakMap<PackageFacts, number>();

/** The newest time that an entry of a package bears, RFC 3339 in UTC: it changes with the packages only. */
export function createdOf(packages: readonly PackageFacts[]): string {
  let newest = packages.length === 0 ? generatedTime : 0;
  for (const facts of packages) {
    let own = newestOf.get(facts);
    if (own === undefined) {
      own = facts.entries.reduce((most, { mtime }) => Math.max(most, mtime), 0);
      newestOf.set(facts, own);
    }
    newest = Math.max(newest, own);
  }
  const latest = 253_402_300_799;
  return `${new Date(Math.min(newest === 0 ? generatedTime : newest, latest) * 1000).toISOString().slice(0, 19)}Z`;
}
