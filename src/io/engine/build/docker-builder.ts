import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { formatPlatform } from "../../../core/image/index.ts";
import { digestHex, sha256 } from "../../../lib/index.ts";
import { createBuildEngine, type Driver, type Job } from "./create-build-engine.ts";
import { engineEnvironment } from "./engine-environment.ts";
import { findDocker, type DockerBuilder, type FoundDocker } from "./find-docker.ts";
import { failBuild, startSteps } from "./follow-steps.ts";
import { packContext } from "./pack-context.ts";
import { runForJob } from "./run-for-job.ts";
import type { BuildEngine, BuilderOptions, BuildRequest } from "./types.ts";
import { unpackArchive, type UnpackedArchive } from "./unpack-archive.ts";

const run = promisify(execFile);

/** No registry can have this name: what is tagged so is never pulled or pushed. RFC 2606. */
const repository = "tidemill.invalid/build";
/** Images that docker's cache hangs on, the newest. */
const keptImages = 64;
const askMs = 20_000;

export interface DockerBuilderOptions extends BuilderOptions {
  /** The docker program; without it the best of the PATH. */
  readonly program?: string;
  /** `auto` takes BuildKit where it is there. */
  readonly builder?: "auto" | "buildkit" | "classic";
}

/**
 * Docker: by buildx where the plugin is there, by the BuildKit client of older programs, else by the classic builder. The
 * daemon pulls with the credentials that docker's own config and helpers give.
 */
export function createDockerBuilder(options: DockerBuilderOptions): BuildEngine {
  const owner = digestHex(sha256(options.instance)).slice(0, 12);
  const { env: ours, keepEnv = [], program: named, builder: wanted = "auto", cgroupParent } = options;
  const env = engineEnvironment(ours, keepEnv, { BUILDX_NO_DEFAULT_ATTESTATIONS: "1", DOCKER_CLI_HINTS: "false" });
  let found: FoundDocker | undefined;

  const find = async (): Promise<Extract<FoundDocker, { kind: "found" }>> => {
    if (found?.kind !== "found") found = await findDocker(env, named, wanted);
    if (found.kind === "missing") throw failBuild.unavailable("docker", found.why);
    return found;
  };
  const ask = async (...args: string[]): Promise<string> => {
    const { program } = await find();
    const { stdout } = await run(program, args, { env, timeout: askMs, killSignal: "SIGKILL", maxBuffer: 16 << 20 });
    return stdout.trim();
  };
  /** With the steps that only it stands on; those that another image shares stay. */
  const removeImage = (name: string): Promise<unknown> => ask("rmi", name).catch(() => undefined);
  const imageOf = async (name: string): Promise<string | undefined> =>
    (await ask("images", "--quiet", "--no-trunc", name)) || undefined;
  const containers = new Map<string, string>();

  const driver: Driver = {
    name: "docker",
    missing: async () => {
      found = await findDocker(env, named, wanted);
      return found.kind === "missing" ? found.why : undefined;
    },
    refuses: async ({ secrets = [] }) =>
      (await find()).builder === "classic" && secrets.length > 0
        ? "has only its classic builder here, which has no secrets: install the buildx plugin"
        : undefined,
    unlimited: async () =>
      (await find()).builder === "classic" || cgroupParent !== undefined
        ? undefined
        : "docker's BuildKit holds no limit of memory and CPU for a build: its daemon does, or a cgroup that is named",
    build: async (job) => {
      const { program, builder } = await find();
      // What the cache hangs on are layers of images: the last one of a target stays, until its next build takes its name.
      const name = `${repository}-${owner}:${digestHex(sha256(slotOf(job))).slice(0, 24)}`;
      const before = await imageOf(name);
      const steps = startSteps(job.log, builder === "classic" ? "classic" : "buildkit");
      if (builder === "classic") job.log.onLine((line) => noteContainer(containers, job.folder.path, line));
      try {
        const packed =
          builder === "classic"
            ? await packContext(job.request.context, job.target.dockerfile, job.request.ignoreFile)
            : undefined;
        const status = await runForJob(job, program, commandOf(job, builder, name, packed?.dockerfile, cgroupParent), {
          ...(packed === undefined ? {} : { input: packed.stream }),
          env: { ...env, DOCKER_BUILDKIT: builder === "classic" ? "0" : "1", BUILDKIT_PROGRESS: "plain" },
          steps,
        });
        if (status !== 0) throw failBuild.explained(job, "docker", steps);
        const archive = await save(program, env, name, job);
        if (before !== undefined && before !== (await imageOf(name))) await removeImage(before);
        return archive;
      } finally {
        containers.delete(job.folder.path);
      }
    },
    used: async (job) => {
      const container = containers.get(job.folder.path);
      if (container === undefined) return undefined;
      return Number(await ask("inspect", "--size", "--format", "{{.SizeRw}}", container));
    },
    storage: async () => {
      const { root } = await find();
      return root === undefined ? [] : [root];
    },
    clean: () => Promise.resolve(),
    sweep: async () => {
      const listed = await ask("images", "--format", "{{.Tag}}", `${repository}-${owner}`).catch(() => "");
      // Docker lists the newest first.
      const old = listed.split("\n").slice(keptImages);
      for (const tag of old) await removeImage(`${repository}-${owner}:${tag}`);
    },
  };
  return createBuildEngine(driver, options);
}

function slotOf({ request, target }: Job): string {
  return `${request.name} ${request.stage ?? ""} ${formatPlatform(target.platform)}`;
}

/** The container of the step at work, which the classic builder names. */
function noteContainer(containers: Map<string, string>, key: string, line: string): void {
  const started = /^ ---> Running in ([0-9a-f]{12})$/.exec(line)?.[1];
  if (started !== undefined) containers.set(key, started);
  else if (/^Removing intermediate container [0-9a-f]{12}$/.test(line)) containers.delete(key);
}

function commandOf(
  job: Job,
  builder: DockerBuilder,
  name: string,
  packed: string | undefined,
  cgroupParent: string | undefined,
): string[] {
  const { request, target, dockerfileDir, secrets } = job;
  const { limits, network, stage, args = {}, labels = {}, noCache = false } = request;
  const own =
    builder === "classic"
      ? [
          "--rm",
          "--force-rm",
          `--memory=${limits.memoryBytes}`,
          `--memory-swap=${limits.memoryBytes}`,
          "--cpu-period=100000",
          `--cpu-quota=${Math.max(1000, Math.round(limits.cpus * 100_000))}`,
        ]
      : ["--progress=plain", ...secrets.map(({ id, path }) => `--secret=id=${id},src=${path}`)];
  return [
    ...(builder === "buildx" ? ["buildx", "build", "--load"] : ["build"]),
    ...own,
    `--file=${packed ?? join(dockerfileDir, "Dockerfile")}`,
    `--tag=${name}`,
    `--platform=${formatPlatform(target.platform)}`,
    `--network=${network}`,
    ...(builder === "buildx" && network === "host" ? ["--allow=network.host"] : []),
    ...(stage === undefined ? [] : [`--target=${stage}`]),
    ...(noCache ? ["--no-cache"] : []),
    ...(cgroupParent === undefined ? [] : [`--cgroup-parent=${cgroupParent}`]),
    ...argumentsOf(request, args).map((each) => `--build-arg=${each}`),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
    packed === undefined ? request.context : "-",
  ];
}

/** Build arguments as `NAME=value`, SOURCE_DATE_EPOCH among them. */
export function argumentsOf({ sourceDateEpoch }: BuildRequest, args: Readonly<Record<string, string>>): string[] {
  const epoch = sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(sourceDateEpoch) };
  return Object.entries({ ...epoch, ...args }).map(([key, value]) => `${key}=${value}`);
}

async function save(
  program: string,
  env: Readonly<Record<string, string>>,
  name: string,
  job: Job,
): Promise<UnpackedArchive> {
  let archive: UnpackedArchive | undefined;
  const status = await runForJob(job, program, ["save", name], {
    env,
    consume: async (stdout) => {
      archive = await unpackArchive(stdout, job.archiveDir, job.request.limits.diskBytes);
    },
  });
  if (status !== 0 || archive === undefined) throw failBuild.noResult(job, "docker");
  return archive;
}
