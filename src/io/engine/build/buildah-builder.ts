import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createReadStream } from "node:fs";
import { access, readdir, readFile, rm } from "node:fs/promises";
import { parseDockerfile } from "../../../core/dockerfile/index.ts";
import { formatPlatform } from "../../../core/image/index.ts";
import { printable } from "../../../lib/index.ts";
import { createBuildEngine, ownFolder, type Driver, type Job } from "./create-build-engine.ts";
import { argumentsOf } from "./docker-builder.ts";
import { engineEnvironment } from "./engine-environment.ts";
import { failBuild, startSteps } from "./follow-steps.ts";
import { registriesConfig } from "./registries-config.ts";
import { runForJob } from "./run-for-job.ts";
import type { BuildEngine, BuilderOptions } from "./types.ts";
import { unpackArchive, type UnpackedArchive } from "./unpack-archive.ts";
import { diskUsage } from "./watch-disk.ts";

const run = promisify(execFile);
const probeMs = 10_000;
const askMs = 60_000;
/** Above this the cache is started anew: nothing else bounds it. */
const mostImages = 500;
/** What Buildah may isolate with; `chroot` has no limits of memory and CPU. */
type Isolation = "oci" | "rootless" | "chroot";

interface Isolated {
  readonly isolation: Isolation;
  /** Undefined where the isolation needs none. */
  readonly runtime: string | undefined;
}

export interface BuildahBuilderOptions extends BuilderOptions {
  readonly program?: string;
  /** OCI runtime by name or path; without it the first of runc and crun that is installed. */
  readonly runtime?: string;
  /** `oci` for root and `rootless` for others where a runtime is installed, else `chroot`, without it. */
  readonly isolation?: Isolation;
}

/**
 * Buildah, which needs no daemon: its images and caches are in a folder of this installation. Base images are pulled with
 * the credentials of docker's or podman's own files; a registry on loopback may speak plain HTTP.
 */
export function createBuildahBuilder(options: BuildahBuilderOptions): BuildEngine {
  const { program = "buildah", env: ours, keepEnv = [], cgroupParent } = options;
  const env = engineEnvironment(ours, keepEnv, {});
  let isolated: Promise<Isolated> | undefined;
  let atWork = 0;

  const chosen = (): NonNullable<typeof isolated> => (isolated ??= chooseIsolation(options, env));
  const storage = async (): Promise<string[]> => [
    `--root=${await ownFolder(options, "buildah")}`,
    `--runroot=${await ownFolder(options, "buildah-run")}`,
  ];
  const ask = async (...args: string[]): Promise<string> => {
    const command = [...(await storage()), ...args];
    const { stdout } = await run(program, command, { env, timeout: askMs, killSignal: "SIGKILL", maxBuffer: 16 << 20 });
    return stdout.trim();
  };

  const driver: Driver = {
    name: "buildah",
    missing: async () => {
      isolated = undefined;
      try {
        await run(program, ["--version"], { env, timeout: probeMs, killSignal: "SIGKILL" });
        return undefined;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return `${program} is not installed`;
        return `${program} cannot be run: ${printable((error as Error).message.slice(0, 300))}`;
      }
    },
    refuses: () => Promise.resolve(undefined),
    unlimited: async () =>
      (await chosen()).isolation === "chroot"
        ? "buildah holds no limit of memory and CPU without an OCI runtime: install runc or crun"
        : undefined,
    build: async (job) => {
      const { runtime, isolation } = await chosen();
      const temporary = await job.folder.folder("tmp");
      const registries = await job.folder.put(
        `registries-${job.request.targets.indexOf(job.target)}.conf`,
        await registriesOf(job, ours),
      );
      const all = { ...env, ...(await credentialsOf(ours)), TMPDIR: temporary, CONTAINERS_REGISTRIES_CONF: registries };
      const global = [
        ...(await storage()),
        // Nothing of the host is mounted into a build unasked.
        "--default-mounts-file=/dev/null",
      ];
      const image = join(job.archiveDir, "image-id");
      const steps = startSteps(job.log, "buildah");
      atWork += 1;
      try {
        const command = [...global, ...commandOf(job, { runtime, isolation }, image, cgroupParent)];
        const status = await runForJob(job, program, command, { env: all, steps });
        if (status !== 0) throw failBuild.explained(job, "buildah", steps);
        return await push(program, global, all, (await readFile(image, "utf8")).trim(), job);
      } finally {
        atWork -= 1;
      }
    },
    used: async (job) => {
      const upper = await upperFolder(runtimeRoot(job.folder.path));
      return upper === undefined ? undefined : diskUsage(upper, job.request.limits.diskBytes);
    },
    storage: async () => [await ownFolder(options, "buildah")],
    clean: async (folders) => {
      const { runtime = "runc" } = await chosen();
      for (const folder of folders) {
        const root = runtimeRoot(folder);
        for (const container of await readdir(root).catch(() => [])) {
          const tell = (...args: string[]): Promise<unknown> =>
            run(runtime, ["--root", root, ...args], { env, timeout: askMs }).catch(() => undefined);
          // A thousand processes that share a slice of a processor need minutes to die in.
          await tell("update", "--cpu-quota", "-1", "--memory", "-1", container);
          await tell("delete", "--force", container);
        }
      }
      // A build that was ended leaves its container; whose it is cannot be told while another builds.
      if (atWork === 0) await ask("rm", "--all").catch(() => undefined);
    },
    sweep: async () => {
      const images = await ask("images", "--all", "--quiet").catch(() => "");
      if (images.split("\n").length > mostImages) await ask("rmi", "--all", "--force").catch(() => undefined);
    },
  };
  return createBuildEngine(driver, options);
}

/** Docker's own file where the user has moved it: by itself Buildah looks for it at home only. */
async function credentialsOf(env: Readonly<Record<string, string | undefined>>): Promise<Record<string, string>> {
  const folder = env["DOCKER_CONFIG"];
  if (folder === undefined || env["REGISTRY_AUTH_FILE"] !== undefined) return {};
  const path = join(folder, "config.json");
  return access(path).then(
    () => ({ REGISTRY_AUTH_FILE: path }),
    () => ({}),
  );
}

/** Where the runtime keeps the containers of one build: by it they are found after a crash. */
function runtimeRoot(folder: string): string {
  return join(folder, "runtime");
}

async function chooseIsolation(
  options: BuildahBuilderOptions,
  env: Readonly<Record<string, string>>,
): Promise<Isolated> {
  const { runtime, isolation } = options;
  if (isolation === "chroot") return { runtime: undefined, isolation };
  for (const program of runtime === undefined ? ["runc", "crun"] : [runtime]) {
    const there = await run(program, ["--version"], { env, timeout: probeMs }).then(
      () => true,
      () => false,
    );
    if (there) return { runtime: program, isolation: isolation ?? (process.getuid?.() === 0 ? "oci" : "rootless") };
  }
  if (runtime !== undefined || isolation !== undefined)
    throw failBuild.unavailable("buildah", `its runtime ${runtime ?? "runc or crun"} is not installed`);
  return { runtime: undefined, isolation: "chroot" };
}

function commandOf(
  job: Job,
  { runtime, isolation }: Isolated,
  image: string,
  cgroupParent: string | undefined,
): string[] {
  const { request, target, dockerfileDir, secrets, folder } = job;
  const { limits, network, stage, args = {}, labels = {}, noCache = false, ignoreFile } = request;
  const limited = isolation === "oci";
  return [
    "build",
    "--layers",
    `--isolation=${isolation}`,
    ...(runtime === undefined ? [] : [`--runtime=${runtime}`]),
    "--identity-label=false",
    // A proxy's address may hold a password; a build that needs one gets it as an argument, as with the other engines.
    "--http-proxy=false",
    ...(isolation === "chroot" ? [] : [`--runtime-flag=root=${runtimeRoot(folder.path)}`]),
    ...(limited
      ? [
          `--memory=${limits.memoryBytes}`,
          `--memory-swap=${limits.memoryBytes}`,
          "--cpu-period=100000",
          `--cpu-quota=${Math.max(1000, Math.round(limits.cpus * 100_000))}`,
        ]
      : []),
    ...(cgroupParent === undefined ? [] : [`--cgroup-parent=${cgroupParent}`]),
    `--file=${join(dockerfileDir, "Dockerfile")}`,
    ...(ignoreFile === undefined ? [] : [`--ignorefile=${join(dockerfileDir, "Dockerfile.dockerignore")}`]),
    `--platform=${formatPlatform(target.platform)}`,
    ...(network === "default" ? [] : [`--network=${network}`]),
    ...(stage === undefined ? [] : [`--target=${stage}`]),
    ...(noCache ? ["--no-cache"] : []),
    ...secrets.map(({ id, path }) => `--secret=id=${id},src=${path}`),
    ...argumentsOf(request, args).map((each) => `--build-arg=${each}`),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
    `--iidfile=${image}`,
    request.context,
  ];
}

/** What the user's own file says, and plain HTTP for the registries on loopback that this Dockerfile names, for no others. */
async function registriesOf(job: Job, env: Readonly<Record<string, string | undefined>>): Promise<string> {
  const { target, request } = job;
  const { images } = parseDockerfile(target.dockerfile, {
    ...(request.stage === undefined ? {} : { target: request.stage }),
    args: request.args ?? {},
    platform: formatPlatform(target.platform),
  });
  const home = env["XDG_CONFIG_HOME"] ?? join(env["HOME"] ?? homedir(), ".config");
  const places = [
    env["CONTAINERS_REGISTRIES_CONF"],
    ...(process.getuid?.() === 0 ? [] : [join(home, "containers/registries.conf")]),
    "/etc/containers/registries.conf",
  ];
  for (const place of places) {
    const text = place === undefined ? undefined : await readFile(place, "utf8").catch(() => undefined);
    if (text !== undefined)
      return registriesConfig(
        text,
        images.map(({ reference }) => reference.registry),
      );
  }
  return registriesConfig(
    "",
    images.map(({ reference }) => reference.registry),
  );
}

/** The folder that takes what the step at work writes: the upper one of its container's root. */
async function upperFolder(root: string): Promise<string | undefined> {
  for (const container of await readdir(root).catch(() => [])) {
    const state = await readFile(join(root, container, "state.json"), "utf8").catch(() => "{}");
    const { init_process_pid: pid } = JSON.parse(state) as { init_process_pid?: number };
    const mounts = await readFile(`/proc/${pid ?? 0}/mountinfo`, "utf8").catch(() => "");
    const upper = /^\S+ \S+ \S+ \S+ \/ .* - overlay \S+ (?:.*,)?upperdir=([^,\s]+)/m.exec(mounts)?.[1];
    if (upper !== undefined) return upper;
  }
  return undefined;
}

async function push(
  program: string,
  global: readonly string[],
  env: Readonly<Record<string, string>>,
  image: string,
  job: Job,
): Promise<UnpackedArchive> {
  const path = join(job.archiveDir, "image.tar");
  const command = [...global, "push", "--quiet", image, `docker-archive:${path}`];
  const status = await runForJob(job, program, command, { env });
  if (status !== 0) throw failBuild.noResult(job, "buildah");
  const archive = await unpackArchive(createReadStream(path), job.archiveDir, job.request.limits.diskBytes);
  await rm(path);
  return archive;
}
