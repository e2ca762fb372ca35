import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { formatPlatform } from "../../../core/image/index.ts";
import { printable } from "../../../lib/index.ts";
import { createBuildEngine, type Driver, type Job } from "./create-build-engine.ts";
import { argumentsOf } from "./docker-builder.ts";
import { engineEnvironment } from "./engine-environment.ts";
import { failBuild, startSteps } from "./follow-steps.ts";
import { runForJob } from "./run-for-job.ts";
import type { BuildEngine, BuilderOptions } from "./types.ts";
import { unpackArchive, type UnpackedArchive } from "./unpack-archive.ts";

const run = promisify(execFile);
const probeMs = 10_000;

export interface BuildctlBuilderOptions extends BuilderOptions {
  readonly program?: string;
  /** Where buildkitd listens: `tcp://host:1234`, `unix:///run/buildkit/buildkitd.sock`. */
  readonly address: string;
  /** Paths of PEM files; `serverName` where the certificate has another name than the address. */
  readonly tls?: { readonly ca: string; readonly cert?: string; readonly key?: string; readonly serverName?: string };
}

/** A buildkitd, on this machine or elsewhere, through buildctl. Its own settings limit what a build may use. */
export function createBuildctlBuilder(options: BuildctlBuilderOptions): BuildEngine {
  const { program = "buildctl", address, tls, env: ours, keepEnv = [], cgroupParent } = options;
  const env = engineEnvironment(ours, keepEnv, {});
  const connection = [
    `--addr=${address}`,
    ...(tls === undefined ? [] : [`--tlscacert=${tls.ca}`]),
    ...(tls?.cert === undefined ? [] : [`--tlscert=${tls.cert}`]),
    ...(tls?.key === undefined ? [] : [`--tlskey=${tls.key}`]),
    ...(tls?.serverName === undefined ? [] : [`--tlsservername=${tls.serverName}`]),
  ];

  const driver: Driver = {
    name: "buildctl",
    missing: async () => {
      try {
        await run(program, [...connection, "debug", "workers"], { env, timeout: probeMs, killSignal: "SIGKILL" });
        return undefined;
      } catch (error) {
        const { code, stderr = "", message } = error as { code?: unknown; stderr?: string; message: string };
        if (code === "ENOENT") return `${program} is not installed`;
        const said = stderr.trim().split("\n").at(-1) ?? "";
        return `buildkitd at ${printable(address)} does not answer: ${printable((said === "" ? message : said).slice(0, 300))}`;
      }
    },
    refuses: () => Promise.resolve(undefined),
    unlimited: () =>
      Promise.resolve(
        cgroupParent === undefined
          ? "buildkitd holds no limit of memory, CPU and disk for a build: its own settings do, or a cgroup that is named"
          : undefined,
      ),
    build: async (job) => {
      const steps = startSteps(job.log, "buildkit");
      let archive: UnpackedArchive | undefined;
      const status = await runForJob(job, program, [...connection, ...commandOf(job, cgroupParent)], {
        env,
        steps,
        consume: async (stdout) => {
          archive = await unpackArchive(stdout, job.archiveDir, job.request.limits.diskBytes);
        },
      });
      if (status !== 0) throw failBuild.explained(job, "buildkitd", steps);
      if (archive === undefined) throw failBuild.noResult(job, "buildkitd");
      return archive;
    },
    used: () => Promise.resolve(undefined),
    storage: () => Promise.resolve([]),
    clean: () => Promise.resolve(),
    sweep: () => Promise.resolve(),
  };
  return createBuildEngine(driver, options);
}

function commandOf(job: Job, cgroupParent: string | undefined): string[] {
  const { request, target, dockerfileDir, secrets } = job;
  const { network, stage, args = {}, labels = {}, noCache = false } = request;
  const options = [
    "filename=Dockerfile",
    `platform=${formatPlatform(target.platform)}`,
    ...(stage === undefined ? [] : [`target=${stage}`]),
    ...(network === "default" ? [] : [`force-network-mode=${network}`]),
    ...(cgroupParent === undefined ? [] : [`cgroup-parent=${cgroupParent}`]),
    ...argumentsOf(request, args).map((each) => `build-arg:${each}`),
    ...Object.entries(labels).map(([key, value]) => `label:${key}=${value}`),
  ];
  return [
    "build",
    "--progress=plain",
    "--frontend=dockerfile.v0",
    `--local=context=${request.context}`,
    `--local=dockerfile=${dockerfileDir}`,
    ...options.map((each) => `--opt=${each}`),
    ...(network === "host" ? ["--allow=network.host"] : []),
    ...(noCache ? ["--no-cache"] : []),
    ...secrets.map(({ id, path }) => `--secret=id=${id},src=${path}`),
    "--output=type=oci,dest=-",
  ];
}
