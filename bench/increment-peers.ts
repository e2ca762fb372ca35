import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";

/** What the peers are to build: the same files, unpacked. */
export interface PeerContent {
  /** A folder that may be filled; whoever gave it removes it. */
  readonly folder: string;
  /** Paths of the .debs that stay as they are. */
  readonly others: readonly string[];
  /** Paths of the patched .deb, one for each run. */
  readonly patched: readonly string[];
  /** Host and port of a registry on loopback. */
  readonly registry: string;
}

export interface PeerResults {
  /** Median milliseconds, null where the tool is missing or fails. */
  readonly peers: Readonly<Record<string, number | null>>;
  /** Why a peer has none. */
  readonly missing: Readonly<Record<string, string>>;
}

interface Tool {
  readonly name: string;
  readonly program: string;
  readonly version: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  build(image: string, context: string): readonly string[];
  push(image: string): readonly string[];
  remove(ids: readonly string[]): readonly string[];
}

/**
 * The same patch by the tools that build Dockerfiles, from files that are unpacked to the manifest in the registry: once with everything anew, as a build that must not
 * miss a patch is run, once with the other packages in a base image that is kept. Unpacking the packages is left out, in their favour.
 */
export async function measurePeers(content: PeerContent, say: (line: string) => void): Promise<PeerResults> {
  const peers: Record<string, number | null> = {};
  const missing: Record<string, string> = {
    apko: "it makes images of apk packages, of which this content has none",
  };
  const whole = join(content.folder, "whole");
  const small = join(content.folder, "small");
  try {
    await unpackAll(content.others, join(whole, "base"));
  } catch (error) {
    return { peers: { docker: null, buildah: null, apko: null }, missing: { ...missing, "dpkg-deb": reasonOf(error) } };
  }
  for (const tool of toolsFor(content.folder)) {
    let name = tool.name;
    try {
      name = `${tool.name} ${/\d+\.[^\s,]+/.exec(await run(tool, tool.version))?.[0] ?? ""}`;
      const { anew, kept } = await measureTool(tool, content, whole, small);
      peers[`${name}, anew`] = anew;
      peers[`${name}, base kept`] = kept;
      say(`${name}: ${anew} ms anew, ${kept} ms with the base kept`);
    } catch (error) {
      peers[name] = null;
      missing[name] = reasonOf(error);
      say(`${name}: ${missing[name]}`);
    }
  }
  return { peers: { ...peers, apko: null }, missing };
}

interface Times {
  readonly anew: number;
  readonly kept: number;
}

async function measureTool(
  tool: Tool,
  { registry, patched }: PeerContent,
  whole: string,
  small: string,
): Promise<Times> {
  const base = `${registry}/peer/base`;
  const image = `${registry}/peer/image`;
  const ids: string[] = [];
  const build = async (name: string, context: string): Promise<number> => {
    const started = performance.now();
    ids.push((await run(tool, tool.build(name, context))).trim());
    await run(tool, tool.push(name));
    return Math.round(performance.now() - started);
  };
  try {
    await writeFile(join(whole, "Dockerfile"), "FROM scratch\nCOPY base/ /\n");
    await build(base, whole);
    const runs: Times[] = [];
    for (const deb of patched) {
      await unpackAll([deb], join(small, "patch"));
      await rm(join(whole, "patch"), { recursive: true, force: true });
      await cp(join(small, "patch"), join(whole, "patch"), { recursive: true });
      await writeFile(join(whole, "Dockerfile"), "FROM scratch\nCOPY base/ /\nCOPY patch/ /\n");
      await writeFile(join(small, "Dockerfile"), `FROM ${base}\nCOPY patch/ /\n`);
      runs.push({ anew: await build(image, whole), kept: await build(image, small) });
    }
    return { anew: median(runs.map((each) => each.anew)), kept: median(runs.map((each) => each.kept)) };
  } finally {
    await run(tool, tool.remove([...new Set(ids)].reverse())).catch(() => undefined);
  }
}

function toolsFor(folder: string): Tool[] {
  // The distribution's client first: one from elsewhere may lack the plugin that BuildKit needs.
  const program = existsSync("/usr/bin/docker") ? "/usr/bin/docker" : "docker";
  const docker = (name: string, buildKit: "0" | "1"): Tool => ({
    name,
    program,
    version: ["version", "--format", "{{.Server.Version}}"],
    env: { DOCKER_BUILDKIT: buildKit },
    build: (image, context) => ["build", "--quiet", "--no-cache", "--tag", image, context],
    push: (image) => ["push", "--quiet", image],
    remove: (ids) => ["image", "rm", "--force", ...ids],
  });
  const own = ["--root", join(folder, "buildah"), "--runroot", join(folder, "buildah-run")];
  return [
    docker("docker", "0"),
    docker("docker BuildKit", "1"),
    {
      name: "buildah",
      program: "buildah",
      version: ["--version"],
      env: {},
      build: (image, context) => [
        ...own,
        ..."bud --quiet --no-cache --tls-verify=false --runtime runc --format docker --tag".split(" "),
        image,
        context,
      ],
      push: (image) => [...own, "push", "--quiet", "--tls-verify=false", image, `docker://${image}`],
      remove: (ids) => [...own, "rmi", "--force", ...ids],
    },
  ];
}

async function unpackAll(debs: readonly string[], to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  for (const deb of debs) await run({ program: "dpkg-deb", env: {} }, ["-x", deb, to]);
}

function run({ program, env }: Pick<Tool, "program" | "env">, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, [...words], { env: { ...process.env, ...env }, timeout: 120_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(stderr === "" ? error.message : stderr, { cause: error }));
    });
  });
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ((error.cause as NodeJS.ErrnoException | undefined)?.code === "ENOENT") return "it is not installed";
  return error.message.trim().split("\n")[0]?.slice(0, 300) ?? "";
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
