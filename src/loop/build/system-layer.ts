import {
  BuildError,
  accountsToAllocate,
  dpkgDatabase,
  generateEntries,
  sameFolder,
  settleFolders,
  skeletonEntries,
  type Folder,
  type LayerEntry,
  type LayerTree,
  type PackageFacts,
} from "../../core/layer/index.ts";
import { canonicalJson } from "../../lib/index.ts";
import type { LayerMaker, MadeLayer } from "./generated-layer.ts";
import type { LoadedPackage } from "./load-packages.ts";
import { hexSha256 } from "./member.ts";
import type { AssembleRequest, AssemblerDeps, PlatformPackages } from "./types.ts";

/** What no package ships and every system has: the links and folders of /, what maintainer scripts would have made, and with dpkg its database. */
export interface SystemLayer {
  readonly made: MadeLayer;
  /** Its entries without their content. */
  readonly nodes: readonly LayerEntry[];
  /** Content of its `etc/passwd`, empty where it has none. */
  readonly passwd: string;
}

/** Makes that layer for the packages in `groups`, one for each layer below, whose folders and links `tree` knows. Throws ACCOUNTS_FULL. */
export type SystemLayerMaker = (
  groups: readonly (readonly LoadedPackage[])[],
  platform: PlatformPackages,
  request: AssembleRequest,
  tree: LayerTree,
) => Promise<SystemLayer>;

/** Some 150 kB each. */
const heldLayers = 300;

/** A maker that remembers: images that differ in their files only, as applications on one base, have it in common. */
export function createSystemLayerMaker(
  makeLayer: LayerMaker,
  allocateAccounts: AssemblerDeps["allocateAccounts"],
): SystemLayerMaker {
  const held = new Map<string, SystemLayer>();
  return async (groups, platform, request, tree) => {
    const { accounts, timezone = "" } = request;
    const layers = groups.map((group) => group.map(({ converted }) => converted.key));
    const key = hexSha256(canonicalJson([layers, platform.platform, accounts, timezone]));
    let layer = held.get(key);
    if (layer === undefined) {
      const packages = groups.flat().map(({ converted }) => converted.facts);
      const generated = await generate(allocateAccounts, packages, platform, request, tree);
      // dpkg's own files ride along: every layer costs a pull as much as a megabyte.
      const database = packages.some(({ name }) => name === "dpkg") ? dpkgDatabase(packages) : [];
      const entries = [...mendFolders(groups, generated), ...generated, ...database];
      const passwd = entries.find(({ path }) => path === "etc/passwd")?.content;
      layer = {
        made: await makeLayer(tree.withParents(entries)),
        nodes: entries.map(nodeOf),
        passwd: Buffer.from(passwd ?? []).toString("utf8"),
      };
    }
    held.delete(key);
    held.set(key, layer);
    for (const oldest of held.keys()) {
      if (held.size <= heldLayers) break;
      held.delete(oldest);
    }
    return layer;
  };
}

function nodeOf(entry: LayerEntry): LayerEntry {
  const { content: _, ...node } = entry;
  return node;
}

async function generate(
  allocateAccounts: AssemblerDeps["allocateAccounts"],
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
