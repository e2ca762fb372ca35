import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { buildGoProgram } from "../../../../../test/go-program.ts";
import { unmountBelow } from "../../../../../test/own-docker.ts";
import { pinDockerfile } from "../../../../core/dockerfile/index.ts";
import { parseManifest, type Descriptor, type ImageConfig, type Platform } from "../../../../core/image/index.ts";
import { TarParser } from "../../../../core/layer/index.ts";
import { collectBytes, digestHex, sha256, type Digest } from "../../../../lib/index.ts";
import { copyImage, createRegistryClient, createRegistryServer, openLayout } from "../../../registry/index.ts";
import { fetchBusybox, makeImage } from "../../testdata/made-image.ts";
import { createBuildahBuilder } from "../buildah-builder.ts";
import { createBuildctlBuilder } from "../buildctl-builder.ts";
import { createDockerBuilder } from "../docker-builder.ts";
import { defaultBuildLimits, type BuildEngine, type BuildRequest, type BuildResult } from "../types.ts";

const run = promisify(execFile);
export const amd64: Platform = { os: "linux", architecture: "amd64" };
const buildkit = "v0.13.2";
const buildxModule = "github.com/docker/buildx/cmd/buildx@v0.12.1";

/** A file of an image as a container would see it. */
export interface SeenFile {
  readonly kind: string;
  readonly mode: number;
  readonly uid: number;
  readonly link: string;
  readonly text: string;
}

export interface BuiltImage {
  readonly config: ImageConfig;
  readonly layers: readonly Descriptor[];
  /** The topmost entry of each path, whiteouts as they are. */
  readonly tree: ReadonlyMap<string, SeenFile>;
  /** All bytes that would be pushed, layers unpacked. */
  readonly bytes: Buffer;
}

/** A registry on loopback with a base image that has a shell and no package manager but a script of that name. */
export interface BuildSite {
  readonly host: string;
  /** `host/base:1`. */
  readonly base: string;
  readonly baseDigest: Digest;
  readonly baseLayers: ReadonlyMap<Digest, Descriptor>;
  /** Variables of our process, as engines get them. */
  readonly env: Record<string, string | undefined>;
  readonly dir: string;
  /** A folder with these files. */
  context(files: Readonly<Record<string, string>>): Promise<string>;
  engines(): Readonly<Record<EngineName, BuildEngine>>;
  /** A request for one platform; `$BASE` in the Dockerfile is the base, and everything is pinned. */
  request(dockerfile: string, change?: Partial<BuildRequest> & { readonly bust?: string }): Promise<BuildRequest>;
  read(result: BuildResult, digest?: Digest): Promise<BuiltImage>;
  close(): Promise<void>;
}

/** Docker in its three ways, and the others. */
export type EngineName = "classic" | "buildkit" | "buildx" | "buildah" | "buildctl";
export const engineNames: readonly EngineName[] = ["classic", "buildkit", "buildx", "buildah", "buildctl"];

/** Why engines cannot be used here, by name. */
export async function missingEngines(): Promise<Record<EngineName, string | undefined>> {
  const options = { instance: "probe", dir: join(tmpdir(), "tidemill-probe"), env: process.env };
  const [buildctl, buildkitd] = await Promise.all([goProgram("buildctl"), goProgram("buildkitd")]);
  const buildx = await buildGoProgram(buildxModule);
  const classic = await createDockerBuilder({ ...options, builder: "classic" }).missing();
  return {
    classic,
    buildx: classic ?? buildx.missing,
    buildkit: await createDockerBuilder({ ...options, builder: "buildkit" }).missing(),
    buildah: await createBuildahBuilder(options).missing(),
    buildctl: process.getuid?.() === 0 ? (buildctl.missing ?? buildkitd.missing) : "root, to run buildkitd",
  };
}

const goProgram = (name: string): ReturnType<typeof buildGoProgram> =>
  buildGoProgram(`github.com/moby/buildkit/cmd/${name}@${buildkit}`);

/** A buildkitd of our own. */
export interface Buildkitd {
  readonly program: string;
  readonly address: string;
  /** Ends it by SIGKILL; its files stay, for another one. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** Starts buildkitd on a socket in `dir`, or at `address` with these further arguments. */
export async function startBuildkitd(dir: string, address = `unix://${dir}/buildkitd.sock`, more: readonly string[] = []): Promise<Buildkitd> {
  const [client, daemon] = await Promise.all([goProgram("buildctl"), goProgram("buildkitd")]);
  await mkdir(dir, { recursive: true });
  const args = [`--root=${dir}/root`, `--addr=${address}`, "--oci-worker-binary=runc", "--oci-worker-net=host", "--allow-insecure-entitlement=network.host", "--containerd-worker=false", ...more];
  const child: ChildProcess = spawn(daemon.path, args, { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-4000)));
  const close = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await Promise.race([ended, sleep(5000)]);
      child.kill("SIGKILL");
    }
    await unmountBelow(dir);
    await rm(dir, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
  };
  for (let tries = 0; !said.includes("running server on"); tries += 1) {
    if (tries > 200 || child.exitCode !== null) {
      await close();
      throw new Error(`buildkitd does not start: ${said}`);
    }
    await sleep(50);
  }
  const kill = async (): Promise<void> => {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  };
  return { program: client.path, address, kill, close };
}

export async function openBuildSite(buildctl?: Buildkitd): Promise<BuildSite> {
  const dir = await mkdtemp(join(tmpdir(), "tidemill-builds-"));
  const server = await createRegistryServer({ dir: join(dir, "registry") });
  const { host } = await server.listen(0);
  const client = createRegistryClient({ insecure: [host] });
  const busybox = await fetchBusybox();
  const applets = "sh cat echo sleep env cp mkdir rm dd head yes find id touch ls ps grep sed seq printenv tr wc true false kill stat";
  const made = await makeImage(
    [
      {
        "bin/busybox": busybox,
        // What builders make where it is not there would differ from one to another.
        "etc/hosts": Buffer.from("\n"),
        "etc/resolv.conf": Buffer.from("\n"),
        "etc/hostname": Buffer.from("\n"),
        "etc/passwd": Buffer.from("root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n"),
        "dev/console": Buffer.from(""),
        "proc/keep": Buffer.from(""),
        "sys/keep": Buffer.from(""),
        "run/keep": Buffer.from(""),
        "tmp/keep": Buffer.from(""),
        ...Object.fromEntries(applets.split(" ").map((name) => [`bin/${name}`, { link: "busybox" }])),
      },
      { "bin/apt-get": Buffer.from("#!/bin/sh\necho $* $(cat /proc/sys/kernel/random/uuid) >> /packages\n") },
    ],
    { Env: ["PATH=/bin"] },
  );
  const raw = await made.source.manifest("");
  const repository = client.repository({ registry: host, repository: "base" });
  await copyImage(made.source, "", repository, { tag: "1" });
  const baseDigest = raw?.digest ?? sha256("");
  const document = JSON.parse((await collectBytes(made.source.blob(made.manifest.config), 2 ** 20, "config")).toString("utf8")) as ImageConfig;
  const baseLayers = new Map(made.manifest.layers.map((layer, at) => [document.rootfs.diff_ids[at] as Digest, layer]));
  const base = `${host}/base:1`;
  const plugins = join(dir, "docker-config");
  const { path: buildx } = await buildGoProgram(buildxModule);
  await mkdir(join(plugins, "cli-plugins"), { recursive: true });
  await symlink(buildx, join(plugins, "cli-plugins/docker-buildx"));
  let contexts = 0;
  const env: Record<string, string | undefined> = { ...process.env };
  const site: BuildSite = {
    host,
    base,
    baseDigest,
    baseLayers,
    env,
    dir,
    context: async (files) => {
      contexts += 1;
      const path = join(dir, `context-${contexts}`);
      await mkdir(path);
      for (const [name, text] of Object.entries(files)) {
        await mkdir(dirname(join(path, name)), { recursive: true });
        await writeFile(join(path, name), text);
      }
      return path;
    },
    engines: () => {
      const options = { instance: dir, dir: join(dir, "engine"), env };
      return {
        classic: createDockerBuilder({ ...options, builder: "classic" }),
        buildkit: createDockerBuilder({ ...options, builder: "buildkit" }),
        buildx: createDockerBuilder({ ...options, env: { ...env, DOCKER_CONFIG: plugins } }),
        buildah: createBuildahBuilder(options),
        buildctl: createBuildctlBuilder({ ...options, program: buildctl?.program ?? "buildctl", address: buildctl?.address ?? "" }),
      };
    },
    request: async (dockerfile, { bust, ...change } = {}) => ({
      name: "web",
      context: change.context ?? (await site.context({})),
      targets: [
        {
          platform: amd64,
          dockerfile: pinDockerfile(dockerfile.replaceAll("$BASE", base), {
            digests: new Map([[base, baseDigest]]),
            platform: "linux/amd64",
            ...(bust === undefined ? {} : { bust }),
          }),
        },
      ],
      network: "none",
      limits: { ...defaultBuildLimits, timeoutMs: 60_000, memoryBytes: 268_435_456 },
      ...change,
    }),
    read: (result, digest = result.digest) => readImage(result, digest, made.source),
    close: async () => {
      await client.close();
      await server.close();
      await removeImages(digestHex(sha256(dir)).slice(0, 12));
      // A storage of Buildah's may still hold mounts where a test failed.
      await run("umount", ["-R", join(dir, "engine/buildah/overlay")]).catch(() => undefined);
      await rm(dir, { recursive: true, force: true, maxRetries: 5 }).catch(() => undefined);
    },
  };
  return site;
}

async function readImage(
  result: BuildResult,
  digest: Digest,
  base: Awaited<ReturnType<typeof makeImage>>["source"],
): Promise<BuiltImage> {
  const layout = await openLayout(result.layout);
  const raw = await layout.manifest(digest);
  if (raw === undefined) throw new Error(`${digest} is not there`);
  const manifest = parseManifest(raw.bytes, raw.mediaType);
  const borrowed = new Set(result.borrowed.map((each) => each.digest));
  const bytesOf = (blob: Descriptor): Promise<Buffer> =>
    collectBytes((borrowed.has(blob.digest) ? base : layout).blob(blob), 2 ** 30, "a blob");
  const configBytes = await bytesOf(manifest.config);
  const config = JSON.parse(configBytes.toString("utf8")) as ImageConfig;
  const tree = new Map<string, SeenFile>();
  const all: Buffer[] = [Buffer.from(raw.bytes), configBytes];
  for (const [at, layer] of manifest.layers.entries()) {
    const tar = gunzipSync(await bytesOf(layer));
    if (sha256(tar) !== config.rootfs.diff_ids[at]) throw new Error("a layer is not what the config says");
    all.push(tar);
    readTar(tar, tree);
  }
  return { config, layers: manifest.layers, tree, bytes: Buffer.concat(all) };
}

function readTar(tar: Buffer, tree: Map<string, SeenFile>): void {
  let path = "";
  let file: SeenFile = { kind: "", mode: 0, uid: 0, link: "", text: "" };
  let pieces: Buffer[] = [];
  const parser = new TarParser(
    {
      begin: (header) => {
        path = header.path.replace(/^\.?\//, "").replace(/\/$/, "");
        file = { kind: header.flag, mode: header.mode & 0o7777, uid: header.uid, link: header.link, text: "" };
        pieces = [];
      },
      data: (chunk) => void pieces.push(Buffer.from(chunk)),
      end: () => void tree.set(path, { ...file, text: Buffer.concat(pieces).toString("latin1") }),
    },
    "a layer",
  );
  parser.push(tar);
  parser.finish();
}

/** Processes of this machine whose command line holds `words`. */
export async function processesWith(words: string): Promise<string[]> {
  const { stdout } = await run("ps", ["-eo", "pid=,args="], { maxBuffer: 16 << 20 });
  return stdout.split("\n").filter((line) => line.includes(words) && !line.includes("ps -eo"));
}


/** Takes away what the docker engines of an installation keep for their cache. */
async function removeImages(owner: string): Promise<void> {
  const { stdout } = await run("docker", ["images", "--quiet", "--no-trunc", `tidemill.invalid/build-${owner}`]).catch(() => ({ stdout: "" }));
  for (const image of new Set(stdout.split("\n").filter((line) => line !== "")))
    await run("docker", ["rmi", "--force", image]).catch(() => undefined);
}
