import { execFile } from "node:child_process";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const fetchMs = 120_000;

/** Files of someone else's repository, as one commit has them. */
export interface GitCheckout {
  readonly path: string;
  /** Why they cannot be had, for `needs`. */
  readonly missing: string | undefined;
}

/** Fetches one commit of `https://NAME` once a machine and keeps it in the user's cache. */
export async function checkOutCommit(name: string, commit: string): Promise<GitCheckout> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "tidemill");
  const path = join(cache, `${name.replace(/[^\w.-]+/g, "-")}-${commit}`);
  if (await isThere(path)) return { path, missing: undefined };
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "checkout-"));
  const git = (...args: string[]) =>
    run("git", args, { cwd: folder, timeout: fetchMs, env: { ...process.env, GIT_TERMINAL_PROMPT: "0" } });
  try {
    await git("init", "--quiet");
    await git("fetch", "--quiet", "--depth=1", `https://${name}`, commit);
    await git("checkout", "--quiet", "FETCH_HEAD");
    // Another run may have been quicker: its files are the same.
    await rename(folder, path).catch(() => undefined);
    return { path, missing: undefined };
  } catch {
    return { path, missing: `${name} at ${commit.slice(0, 12)}, which cannot be fetched` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
