import { lstat, opendir, statfs } from "node:fs/promises";
import { join } from "node:path";
import { formatBytes } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";

export interface DiskWatch {
  readonly name: string;
  readonly limit: number;
  /** Folders whose file systems must not run full. */
  readonly folders: readonly string[];
  /** Bytes that the build has written, where the engine can tell. */
  readonly used: () => Promise<number | undefined>;
  readonly exceeded: (error: BuildError) => void;
}

const everyMs = 1000;
/** What is left alone for everybody else on the machine. */
const reserve = 268_435_456;

/** Looks every second whether a build writes too much, or the disk runs full, until it is stopped. */
export function watchDisk(watch: DiskWatch): { stop(): void } {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  const full = (why: string): void => {
    stopped = true;
    watch.exceeded(
      new BuildError("DISK_FULL", `${watch.name}: ${why}: the build was ended`, {
        retry: true,
        hint: "Let the build write less, allow it more disk, or free space.",
      }),
    );
  };
  const look = async (): Promise<void> => {
    const started = Date.now();
    const used = await watch.used().catch(() => undefined);
    if (stopped) return;
    if (used !== undefined && used > watch.limit)
      return full(`a step has written more than ${formatBytes(watch.limit)}`);
    for (const folder of watch.folders) {
      const free = await statfs(folder).then(
        ({ bavail, bsize }) => bavail * bsize,
        () => undefined,
      );
      if (stopped) return;
      if (free !== undefined && free < reserve)
        return full(`only ${formatBytes(free)} are left on the disk of ${folder}`);
    }
    // Looking may take long where there are many files: at most a quarter of the time is spent on it.
    timer = setTimeout(() => void look(), Math.max(everyMs, 3 * (Date.now() - started)));
  };
  timer = setTimeout(() => void look(), everyMs);
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

/** Bytes on disk of what is in a folder, links not followed; stops counting past `enough`. What goes away meanwhile counts nothing. */
export async function diskUsage(folder: string, enough: number): Promise<number> {
  let bytes = 0;
  const open = [folder];
  for (let next = open.pop(); next !== undefined && bytes <= enough; next = open.pop()) {
    const entries = await opendir(next).catch(() => undefined);
    if (entries === undefined) continue;
    try {
      for await (const entry of entries) {
        const path = join(next, entry.name);
        if (entry.isDirectory()) open.push(path);
        else if (entry.isFile())
          bytes += await lstat(path).then(
            ({ blocks }) => blocks * 512,
            () => 0,
          );
        if (bytes > enough) break;
      }
    } catch {
      // The folder went away.
    }
  }
  return bytes;
}
