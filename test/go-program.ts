import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { digestHex, sha256 } from "../src/lib/index.ts";

const run = promisify(execFile);
const buildMs = 1_200_000;

/** A program of someone else's, built from its Go module. */
export interface GoProgram {
  readonly path: string;
  /** Why it cannot be had, for `needs`. */
  readonly missing: string | undefined;
}

/** Builds `module` (`example.org/cmd/name@v1.2.3`) once a machine and keeps it in the user's cache. */
export function buildGoProgram(module: string): Promise<GoProgram> {
  return buildOnce(module, module, (folder, env) =>
    run("go", ["install", ...flags, module], { env, cwd: folder, timeout: buildMs }),
  );
}

/** Builds the Go program of a folder, once for what its files say, and keeps it in the user's cache. */
export async function buildGoFolder(source: string): Promise<GoProgram> {
  const names = (await readdir(source)).filter((name) => /^go\.mod$|\.go$/.test(name)).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(source, name), "utf8")));
  const name = `${basename(source)}-${digestHex(sha256(texts.join("\0"))).slice(0, 12)}`;
  return buildOnce(name, source, async (folder, env) => {
    // In a copy: Go writes sums of modules beside what it builds.
    const copy = await mkdtemp(join(tmpdir(), "go-program-"));
    try {
      for (const [at, file] of names.entries()) await writeFile(join(copy, file), texts[at] ?? "");
      await run("go", ["build", ...flags, "-o", join(folder, "program"), "."], { env, cwd: copy, timeout: buildMs });
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
}

/** Those of build-small-kubernetes: what both need is compiled once, and nothing for debuggers is written. */
const flags = ["-trimpath", "-ldflags=-s -w"];

async function buildOnce(
  name: string,
  what: string,
  build: (folder: string, env: NodeJS.ProcessEnv) => Promise<unknown>,
): Promise<GoProgram> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tidemill");
  const path = join(cache, name.replace(/[^\w.-]+/g, "-"));
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
    await build(bin, { ...process.env, GOBIN: bin, GOFLAGS: "-mod=mod" });
    const [program = ""] = await readdir(bin);
    await rename(join(bin, program), path);
    return { path, missing: undefined };
  } catch (error) {
    const why = String((error as { stderr?: unknown }).stderr ?? error).slice(0, 300);
    return { path, missing: `the Go program ${what}: ${why}` };
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
