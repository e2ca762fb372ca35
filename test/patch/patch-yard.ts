import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { walkTree, type Tree } from "../../src/core/inventory/index.ts";
import type { PatchPolicy } from "../../src/core/patch/index.ts";
import type { PackageUniverse } from "../../src/core/packages/index.ts";
import { createImageReader, createLayerStore, type ImageReader } from "../../src/io/layer/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type Repository,
} from "../../src/io/registry/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import {
  createPatcher,
  type EnginePatch,
  type PatchChange,
  type PatchOutcome,
  type Patcher,
} from "../../src/loop/build/index.ts";
import { createMill, requestOf, type Mill } from "../../src/loop/build/testdata/mill.ts";
import { realPackages, type RealPackages } from "../../src/loop/build/testdata/real-packages.ts";
import { findDebianMirror } from "../apt/debian-mirror.ts";
import { docker, type Outcome } from "../assembly/docker-run.ts";

/** A registry with images of Debian, what patches them, and a docker to build and run them. */
export interface PatchYard {
  readonly host: string;
  readonly images: ImageReader;
  repository(name: string): Repository;
  /** Assembles an image of the release alone, whose apt knows all suites, and pushes it. */
  assemble(name: string, roots: readonly string[], essential?: boolean): Promise<Digest>;
  /** Builds a Dockerfile, pushes what comes of it, and reads its digest; `name` is that of its repository. */
  build(name: string, dockerfile: string): Promise<Digest>;
  patch(name: string, digest: Digest, change?: PatchChangeable): Promise<PatchOutcome>;
  /** What an engine's build changed, against the original in the same repository. */
  proveBuilt(name: string, platforms: readonly EnginePatch[], digest: Digest): Promise<readonly PatchChange[]>;
  tree(name: string, digest: Digest): Promise<Tree>;
  /** Runs a shell's text in a container of the image; `shell` is how it is called. */
  run(name: string, digest: Digest, script: string, shell?: readonly string[]): Promise<Outcome>;
  close(): Promise<void>;
}

const keeping: PatchPolicy = { changedConffile: "keep" };

export interface PatchChangeable {
  readonly policy?: PatchPolicy;
  /** What the suites offer; all suites of the release without it. */
  readonly universe?: PackageUniverse;
}

/** `deb` lines for suites of Debian at the mirror that this machine uses. */
export function sourceLines(suites: readonly string[]): string {
  const mirror = findDebianMirror();
  return suites
    .map((suite) => `deb ${(suite.endsWith("-security") ? mirror?.security : mirror?.archive) ?? ""} ${suite} main\n`)
    .join("");
}

/** The suites of a release. */
export function suitesOfRelease(codename: string): string[] {
  return [codename, `${codename}-updates`, `${codename}-security`];
}

export async function createPatchYard(codename: string): Promise<PatchYard> {
  const mill: Mill = await createMill();
  const server = await createRegistryServer({ dir: join(mill.cacheDir, "registry") });
  const { host } = await server.listen(0);
  const client: RegistryClient = createRegistryClient({ retries: 0 });
  const images = createImageReader(createLayerStore(join(mill.cacheDir, "facts")));
  const suites = suitesOfRelease(codename);
  const [old, all]: RealPackages[] = [await realPackages([codename]), await realPackages(suites)];
  if (old === undefined || all === undefined) throw new Error("no packages");
  const loaded: string[] = [];
  const repository = (name: string): Repository => client.repository(`${host}/${name}`);

  const patcherOf = (universe: PackageUniverse): Patcher =>
    createPatcher({
      images,
      cacheDir: mill.cacheDir,
      fetchPackage: (record) => all.fetch(record),
      universeFor: () => Promise.resolve(universe),
    });

  return {
    host,
    images,
    repository,
    assemble: async (name, roots, essential = true) => {
      const content = Buffer.from(sourceLines(suites));
      const files = [{ path: "/etc/apt/sources.list.d/debian.list", mode: 0o644, uid: 0, gid: 0, content }];
      const assembler = mill.assembler({ fetchPackage: (record) => old.fetch(record) });
      const request = requestOf(old.resolve(roots, { essential }), { image: name, files: essential ? files : [] });
      return (await assembler.assemble(request, repository(name))).digest;
    },
    build: async (name, dockerfile) => {
      const folder = await mkdtemp(join(tmpdir(), "tidemill-patch-"));
      const tag = `${host}/${name}:built`;
      try {
        await writeFile(join(folder, "Dockerfile"), dockerfile);
        await mkdir(join(folder, "sources"));
        await writeFile(join(folder, "sources", "release.list"), sourceLines([codename]));
        await writeFile(join(folder, "sources", "all.list"), sourceLines(suites));
        const built = await docker(["build", "--quiet", "--network", "host", "--tag", tag, folder]);
        if (built.status !== 0) throw new Error(built.output);
        loaded.push(tag, ...[...dockerfile.matchAll(/^FROM (\S+)$/gm)].flatMap(([, from]) => from ?? []));
        const pushed = await docker(["push", "--quiet", tag]);
        if (pushed.status !== 0) throw new Error(pushed.output);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      const found = await repository(name).resolve("built");
      if (found === undefined) throw new Error(`${tag} was not pushed`);
      return found.digest;
    },
    proveBuilt: (name, platforms, digest) => {
      const place = repository(name);
      return patcherOf(all.universe).proveBuilt({ source: place, sink: place }, platforms, digest);
    },
    patch: (name, digest, { policy = keeping, universe = all.universe } = {}) => {
      const patcher = patcherOf(universe);
      const place = repository(name);
      return patcher.patchImage({ source: place, digest, name: `${host}/${name}`, sink: place, policy });
    },
    tree: async (name, digest) => {
      const [first] = (await images.read(repository(name), digest)).platforms;
      if (first === undefined) throw new Error("an image without a platform");
      return first.tree;
    },
    run: async (name, digest, script, [program = "", ...words] = ["/bin/sh"]) => {
      const reference = `${host}/${name}@${digest}`;
      loaded.push(reference);
      const pulled = await docker(["pull", "--quiet", reference]);
      if (pulled.status !== 0) return pulled;
      return docker([
        "run",
        "--rm",
        "--user",
        "0:0",
        "--network",
        "none",
        "--entrypoint",
        program,
        reference,
        ...words,
        "-ec",
        script,
      ]);
    },
    close: async () => {
      if (loaded.length > 0) await docker(["rmi", "--force", ...new Set(loaded)]);
      await client.close();
      await server.close();
      await mill.remove();
    },
  };
}

/** What is not the same in two trees, a line for each path; times are not compared. */
export function compareTrees(one: Tree, other: Tree): string[] {
  const [a, b] = [describeTree(one), describeTree(other)];
  const paths = [...new Set([...a.keys(), ...b.keys()])].sort();
  return paths.flatMap((path) =>
    a.get(path) === b.get(path) ? [] : [`${path}: ${a.get(path) ?? "not there"} | ${b.get(path) ?? "not there"}`],
  );
}

function describeTree(tree: Tree): Map<string, string> {
  const described = new Map<string, string>();
  for (const [path, { entry }] of walkTree(tree)) {
    const { type, mode, uid, gid, link, sha256 } = entry;
    const what = type === "symlink" ? (link ?? "") : `${mode.toString(8)} ${uid}:${gid} ${sha256?.slice(0, 12) ?? ""}`;
    described.set(path, `${type} ${what}`);
  }
  return described;
}
