import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { formatSeconds, messageOf, printable } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";
import { createBuildLog, type BuildLog } from "./build-log.ts";
import { createCollector } from "./collect-image.ts";
import { needlesOf } from "./find-secret.ts";
import type { BuildEngine, BuildRequest, BuildResult, BuilderOptions, BuildTarget } from "./types.ts";
import type { UnpackedArchive } from "./unpack-archive.ts";
import { watchDisk } from "./watch-disk.ts";
import {
  createWorkFolder,
  endLeftBuilds,
  prepareSecrets,
  putDockerfile,
  type PreparedSecret,
  type WorkFolder,
} from "./work-folder.ts";

/** One platform of a build, ready for an engine. */
export interface Job {
  readonly request: BuildRequest;
  readonly target: BuildTarget;
  /** Of the whole build: temporary files, and what has to be found again after a crash. */
  readonly folder: WorkFolder;
  /** Holds the Dockerfile, and its own ignore file where there is one. */
  readonly dockerfileDir: string;
  /** Empty, for the files of the engine's archive. */
  readonly archiveDir: string;
  readonly secrets: readonly PreparedSecret[];
  readonly log: BuildLog;
  readonly signal: AbortSignal;
}

/** What engines differ in. */
export interface Driver {
  readonly name: string;
  missing(): Promise<string | undefined>;
  /** What of the request this engine cannot do, as the end of a sentence; undefined where it can do all. */
  refuses(request: BuildRequest): Promise<string | undefined>;
  /** Limits that the engine does not hold for a build, as a sentence for the log. */
  unlimited(request: BuildRequest): Promise<string | undefined>;
  build(job: Job): Promise<UnpackedArchive>;
  /** Bytes that the step at work has written. */
  used(job: Job): Promise<number | undefined>;
  /** Folders of this machine that builds fill. */
  storage(): Promise<readonly string[]>;
  /** Takes away what a build left in the engine, however it ended. Never throws. */
  clean(folders: readonly string[]): Promise<void>;
  /** Takes away what earlier processes left, besides `folders`. */
  sweep(folders: readonly string[]): Promise<void>;
}

/** An engine that builds with `driver`, in folders below `options.dir`. */
export function createBuildEngine(driver: Driver, options: BuilderOptions): BuildEngine {
  const dir = join(options.dir, "builds");
  return {
    name: driver.name,
    missing: () => driver.missing(),
    build: async (request, log, signal) => {
      const folder = await createWorkFolder(dir);
      const ending = endOf(request, signal);
      try {
        return await buildAll(driver, request, folder, options, (line) => log(line), ending);
      } catch (error) {
        await folder.remove();
        throw ending.signal.aborted ? ending.reason() : asBuildError(request.name, error);
      } finally {
        ending.release();
      }
    },
    sweep: async () => {
      const folders = await endLeftBuilds(dir);
      await driver.clean(folders);
      await driver.sweep(folders);
      for (const folder of folders) await rm(folder, { recursive: true, force: true });
      return folders.length;
    },
  };
}

async function buildAll(
  driver: Driver,
  request: BuildRequest,
  folder: WorkFolder,
  options: BuilderOptions,
  sink: (line: string) => void,
  ending: Ending,
): Promise<BuildResult> {
  const { signal } = ending;
  signal.throwIfAborted();
  const refused = await driver.refuses(request);
  if (refused !== undefined)
    throw new BuildError("NOT_SUPPORTED", `${request.name}: ${driver.name} ${refused}`, {
      hint: "Choose another engine for this image.",
    });
  const secrets = await prepareSecrets(folder, request.secrets ?? [], options.env);
  const log = createBuildLog(
    sink,
    request.limits.logBytes,
    secrets.map(({ value }) => value),
  );
  const unlimited = await driver.unlimited(request);
  if (unlimited !== undefined) log.say(unlimited);
  const layout = await folder.folder("layout");
  const collector = await createCollector(layout, {
    annotations: request.annotations ?? {},
    epoch: request.sourceDateEpoch,
    known: request.knownLayers ?? new Map(),
    needles: needlesOf(secrets),
    limit: request.limits.diskBytes,
  });
  const temporary: string[] = ["secrets"];
  try {
    const manifests = [];
    for (const [at, target] of request.targets.entries()) {
      const job: Job = {
        request,
        target,
        folder,
        dockerfileDir: await putDockerfile(folder, `dockerfile-${at}`, target.dockerfile, request.ignoreFile),
        archiveDir: await folder.folder(`archive-${at}`),
        secrets,
        log,
        signal,
      };
      temporary.push(`dockerfile-${at}`, `archive-${at}`);
      const archive = await buildOne(driver, job, ending);
      manifests.push(await collector.add(archive, target.platform));
      signal.throwIfAborted();
      await rm(job.archiveDir, { recursive: true, force: true });
    }
    const { digest, mediaType } = await collector.finish(manifests);
    return {
      layout,
      digest,
      mediaType,
      borrowed: collector.borrowed(),
      bytes: collector.bytes(),
      close: () => folder.remove(),
    };
  } finally {
    log.close();
    await driver.clean([folder.path]);
    for (const name of temporary) await rm(join(folder.path, name), { recursive: true, force: true });
  }
}

async function buildOne(driver: Driver, job: Job, ending: Ending): Promise<UnpackedArchive> {
  const { request, folder } = job;
  const disk = watchDisk({
    name: request.name,
    limit: request.limits.diskBytes,
    folders: [folder.path, ...(await driver.storage())],
    used: () => driver.used(job),
    exceeded: ending.end,
  });
  try {
    return await driver.build(job);
  } finally {
    disk.stop();
  }
}

interface Ending {
  readonly signal: AbortSignal;
  /** Ends the build for a reason of ours. */
  readonly end: (error: BuildError) => void;
  readonly reason: () => BuildError;
  release(): void;
}

/** All that may end a build before it ends itself: whoever asked for it, its time, its disk. */
function endOf(request: BuildRequest, signal: AbortSignal): Ending {
  const control = new AbortController();
  let error = new BuildError("ABORTED", `${request.name}: the build was ended`, { retry: true });
  const end = (reason: BuildError): void => {
    if (control.signal.aborted) return;
    error = reason;
    control.abort(reason);
  };
  const abort = (): void =>
    end(
      new BuildError("ABORTED", `${request.name}: the build was ended: ${messageOf(signal.reason)}`, {
        cause: signal.reason,
        retry: true,
      }),
    );
  const { timeoutMs } = request.limits;
  const timer = setTimeout(() => {
    const time = formatSeconds(timeoutMs / 1000);
    end(
      new BuildError("BUILD_TIMEOUT", `${request.name}: the build took longer than ${time} and was ended`, {
        hint: "Allow it more time, or look at which step hangs.",
      }),
    );
  }, timeoutMs);
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return {
    signal: control.signal,
    end,
    reason: () => error,
    release: () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    },
  };
}

function asBuildError(name: string, error: unknown): unknown {
  if (error instanceof BuildError) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC")
    return new BuildError("DISK_FULL", `${name}: no space is left for the build`, { cause: error, retry: true });
  if (code !== undefined && code.startsWith("E"))
    return new BuildError("BUILD_FAILED", `${name}: ${printable(messageOf(error))}`, { cause: error, retry: true });
  return error;
}

/** Makes the folder that an engine keeps for itself. */
export async function ownFolder(options: BuilderOptions, name: string): Promise<string> {
  const path = join(options.dir, name);
  await mkdir(path, { recursive: true, mode: 0o700 });
  return path;
}
