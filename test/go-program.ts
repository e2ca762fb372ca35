import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const buildMs = 1_200_000;

/** A program of someone else's, built from its Go module. */
export interface GoProgram {
  readonly path: string;
  /** Why it cannot be had, for `needs`. */
  readonly missing: string | undefined;
}

/** Builds `module` (`example.org/cmd/name@v1.2.3`) once a machine and keeps it in the user's cache. */
export async function buildGoProgram(module: string): Promise<GoProgram> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tidemill");
  const path = join(cache, module.replace(/[^\w.-]+/g, "-"));
  if (await isThere(path)) return { path, missing: undefined };
  const hasGo = await run("go", ["version"]).then(
    () => true,
    () => false,
  );
  if (!hasGo) return { path, missing: "Go, which is not installed" };
  await mkdir(cache, { recursive: true });
  // Test files run side by side: what one of them builds the others wait for.
  const unlock = await takeLock(`${path}.lock`);
  if (await isThere(path)) {
    await unlock();
    return { path, missing: undefined };
  }
  const bin = await mkdtemp(join(cache, "build-"));
  try {
    const env = { ...process.env, GOBIN: bin, GOFLAGS: "-mod=mod" };
    // The flags of build-small-kubernetes: what both need is compiled once, and nothing for debuggers is written.
    await run("go", ["install", "-trimpath", "-ldflags=-s -w", module], { env, cwd: bin, timeout: buildMs });
    const [program = ""] = await readdir(bin);
    await rename(join(bin, program), path);
    return { path, missing: undefined };
  } catch (error) {
    const why = String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300);
    return { path, missing: `the Go module ${module}: ${why}` };
  } finally {
    await rm(bin, { recursive: true, force: true });
    await unlock();
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Waits for a folder that only one may make; one that a killed run has left is taken over. */
async function takeLock(path: string): Promise<() => Promise<void>> {
  for (;;) {
    try {
      await mkdir(path);
      return () => rm(path, { recursive: true, force: true });
    } catch {
      const made = await stat(path).catch(() => undefined);
      if (made !== undefined && Date.now() - made.mtimeMs > buildMs) await rm(path, { recursive: true, force: true });
      else await sleep(200);
    }
  }
}
