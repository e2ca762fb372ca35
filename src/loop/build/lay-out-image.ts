import {
  BuildError,
  LayerTree,
  accountsToAllocate,
  dpkgDatabase,
  generateEntries,
  generatedTime,
  placeFiles,
  planLayers,
  sameFolder,
  settleFolders,
  skeletonEntries,
  type Folder,
  type LayerEntry,
  type PackageFacts,
} from "../../core/layer/index.ts";
import { mediaTypes } from "../../core/image/index.ts";
import type { DatabaseKind, LayerRecord, MemberKind } from "./convert-package.ts";
import { mapBounded } from "./gate.ts";
import type { FolderMaker, LayerMaker } from "./generated-layer.ts";
import type { LayerRecords } from "./layer-records.ts";
import type { LoadedPackage } from "./load-packages.ts";
import { trailerMember } from "./member.ts";
import type { PackageCache } from "./package-cache.ts";
import type { LayerPart, PartReader } from "./read-layer-parts.ts";
import type { AssembledLayer, AssembleRequest, AssemblerDeps, PlatformPackages } from "./types.ts";

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
  readonly allocateAccounts: AssemblerDeps["allocateAccounts"];
}

const namesShown = 12;
const layersAtATime = 4;

/** All layers of one platform: those of packages, what no package ships, dpkg's database where the image holds dpkg, the files of the configuration. */
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
  const add = async (entries: readonly LayerEntry[], history: string): Promise<void> => {
    if (entries.length === 0) return;
    const { record, parts } = await context.makeLayer(tree.withParents(entries));
    tree.add(entries);
    layers.push({ ...describe(record), history, packages: [], open: () => context.reader.read(parts) });
  };
  const generated = await generate(context, inOrder, platform, request, tree);
  checkUser(request, generated, tree);
  const mended = mendFolders(groups, generated);
  await add([...mended, ...generated], "tidemill: generated files");
  if (kind === "info") await add(dpkgDatabase(inOrder), "tidemill: package database");
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

async function generate(
  { allocateAccounts }: LayoutContext,
  packages: readonly PackageFacts[],
  { platform }: PlatformPackages,
  { accounts, timezone }: AssembleRequest,
  tree: LayerTree,
): Promise<LayerEntry[]> {
  const names = accountsToAllocate(packages);
  const allocated = names.length === 0 ? new Map<string, never>() : await allocateAccounts(names);
  const missing = names.filter((name) => !allocated.has(name));
  if (missing.length > 0)
    throw new BuildError("ACCOUNTS_FULL", `there is no number left for the accounts ${missing.join(", ")}`);
  const architecture = debianArchitecture(platform.architecture, platform.variant);
  const generated = generateEntries({ packages, architecture, accounts, allocated, timezone });
  const made = new Set(generated.map(({ path }) => path));
  const skeleton = skeletonEntries((path) => made.has(path) || tree.find(path) !== undefined);
  return [...skeleton, ...generated];
}

/** Throws BAD_REQUEST where the image would run as an account that it does not have: no container of it could start. */
function checkUser({ image, run, files }: AssembleRequest, generated: readonly LayerEntry[], tree: LayerTree): void {
  const [user = ""] = (run.user ?? "").split(":");
  if (user === "" || /^\d+$/.test(user) || files.some(({ path }) => path === "/etc/passwd")) return;
  if (tree.findFile(new Set(["etc/passwd"])) !== undefined) return;
  const accounts = generated.find(({ path }) => path === "etc/passwd")?.content;
  const lines = Buffer.from(accounts ?? [])
    .toString("utf8")
    .split("\n");
  if (lines.some((line) => line.startsWith(`${user}:`))) return;
  throw new BuildError("BAD_REQUEST", `${image} runs as ${user}, and has no such account`, {
    hint: "Name it under `accounts:`, or give a number.",
  });
}

/** Folders that layers say different things of, as they should be: the last layer that has one would be obeyed. */
function mendFolders(groups: readonly (readonly LoadedPackage[])[], above: readonly LayerEntry[]): LayerEntry[] {
  const factsOf = (group: readonly LoadedPackage[]): PackageFacts[] => group.map(({ converted }) => converted.facts);
  const made = new Set(above.map(({ path }) => path));
  const last = new Map<string, Folder>();
  for (const group of groups) for (const [path, folder] of settleFolders(factsOf(group))) last.set(path, folder);
  const right = settleFolders(factsOf(groups.flat()));
  return [...right.values()].filter((folder) => {
    const obeyed = last.get(folder.path);
    return obeyed !== undefined && !sameFolder(obeyed, folder) && !made.has(folder.path);
  });
}

/** Debian's word for what OCI calls a platform; dpkg-architecture(1). */
function debianArchitecture(architecture: string, variant: string | undefined): string {
  if (architecture === "arm") return variant === "v5" || variant === "v6" ? "armel" : "armhf";
  return { "386": "i386", ppc64le: "ppc64el", mips64le: "mips64el" }[architecture] ?? architecture;
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
