import { mkdir, readdir, readFile, realpath, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { isLeftover, nameOfOwn } from "../../lib/index.ts";
import { diskFailed, isDiskError } from "./disk-failed.ts";
import { GitError } from "./error.ts";
import type { FetchedTree } from "./fetch-tree.ts";

interface FolderLimits {
  readonly fetchMs: number;
  readonly kept: number;
  readonly idleMs: number;
}

interface Wanted {
  readonly commit: string;
  readonly subdirectory: string | undefined;
  /** The repository, as people see it. */
  readonly what: string;
}

/** Stands beside `tree`: what is to be known of it. */
interface Note extends FetchedTree {
  /** Names the run of the system that wrote it. */
  readonly boot: string;
}

/** Makes what is wanted in an empty folder. */
type Fetch = (folder: string) => Promise<FetchedTree>;

const noteName = "note.json";
const asidePrefix = ".aside-";
/** How rename(2) says that there is a folder with something in it. */
const taken = new Set<string | undefined>(["ENOTEMPTY", "EEXIST"]);

/** Commits of one repository in folders of `folder`, each made aside and moved into place whole, the ones that nobody used for long removed. */
export function createTreeFolder(folder: string, limits: FolderLimits) {
  const coming = new Map<string, Promise<void>>();

  const make = async (commit: string, fetch: Fetch): Promise<void> => {
    const place = join(folder, commit);
    const own = join(folder, `${asidePrefix}${await nameOfOwn()}`);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await sweep(folder, commit, limits);
    await mkdir(own);
    try {
      const { submodules } = await fetch(own);
      const note: Note = { submodules, boot: await bootId() };
      await writeFile(join(own, noteName), JSON.stringify(note));
      try {
        await rename(own, place);
      } catch (error) {
        // Another process was faster, and its tree is the same; or there is one that is not to be believed.
        if (!taken.has((error as NodeJS.ErrnoException).code)) throw error;
        if ((await readNote(place)) !== undefined) return;
        await putAside(folder, commit);
        await rename(own, place);
      }
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  };

  const ensure = async (commit: string, fetch: Fetch): Promise<void> => {
    if ((await readNote(join(folder, commit))) === undefined) await make(commit, fetch);
  };

  return {
    /** The folder of the tree. Throws NO_SUBDIRECTORY, SUBMODULE, DISK_FAILED and what `fetch` throws. */
    open: async ({ commit, subdirectory, what }: Wanted, fetch: Fetch, signal: AbortSignal): Promise<string> => {
      const place = join(folder, commit);
      try {
        // Whoever waits for another's fetch looks again, and fetches where that was given up.
        for (let other = coming.get(commit); other !== undefined; other = coming.get(commit))
          await untilAborted(other, signal);
        const work = ensure(commit, fetch);
        coming.set(
          commit,
          work.catch(() => undefined).then(() => void coming.delete(commit)),
        );
        await work;
        const note = await readNote(place);
        if (note === undefined) throw new Error(`${place} is gone`);
        const tree = join(place, "tree");
        await checkContext(tree, subdirectory, note, `${what} at ${commit.slice(0, 12)}`);
        const now = new Date();
        await utimes(place, now, now);
        return tree;
      } catch (error) {
        throw isDiskError(error) ? diskFailed(folder, error) : error;
      }
    },
  };
}

async function checkContext(
  tree: string,
  subdirectory: string | undefined,
  { submodules }: FetchedTree,
  what: string,
): Promise<void> {
  const root = await realpath(tree);
  const context = subdirectory === undefined ? root : await realpath(join(tree, subdirectory)).catch(() => undefined);
  const found = context === undefined ? undefined : await stat(context);
  const inside = context === root || context?.startsWith(`${root}${sep}`);
  if (context === undefined || found?.isDirectory() !== true || inside !== true)
    throw new GitError("NO_SUBDIRECTORY", `${what} has no folder ${subdirectory}`, {
      hint: "`subdirectory:` is relative to the top of the repository.",
    });
  const submodule = submodules.find((path) => `${join(root, path)}${sep}`.startsWith(`${context}${sep}`));
  if (submodule === undefined) return;
  throw new GitError("SUBMODULE", `${what}: ${submodule} is a submodule, and those are not fetched`, {
    hint: "Keep its files in the repository, fetch them in the Dockerfile, or name a `subdirectory:` that is without it.",
  });
}

/** Undefined where there is no whole tree: none yet, or one whose files the disk may have lost when the system went down. */
async function readNote(place: string): Promise<Note | undefined> {
  try {
    const note = JSON.parse(await readFile(join(place, noteName), "utf8")) as Note;
    return note.boot === (await bootId()) && Array.isArray(note.submodules) ? note : undefined;
  } catch {
    return undefined;
  }
}

/** Changes with every start of the system, and empty where the system does not say it. proc_sys_kernel(5). */
async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "")).trim();
}

/** Takes a commit away in one step; removing file by file would leave a part in its place. */
async function putAside(folder: string, commit: string): Promise<void> {
  const away = join(folder, `${asidePrefix}${await nameOfOwn()}`);
  try {
    await rename(join(folder, commit), away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  await rm(away, { recursive: true, force: true });
}

/** Makes room for `commit`: removes what a killed process left, and the commits that were used longest ago. */
async function sweep(folder: string, commit: string, { fetchMs, kept, idleMs }: FolderLimits): Promise<void> {
  // What cannot be removed now is met again at the next fetch, and stops none.
  const later = (): void => undefined;
  const now = Date.now();
  const entries: { readonly name: string; readonly age: number }[] = [];
  for (const name of await readdir(folder)) {
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found !== undefined) entries.push({ name, age: now - found.mtimeMs });
  }
  // No fetch takes longer than its limit, so nobody writes into what is older than two.
  for (const { name, age } of entries)
    if (name.startsWith(asidePrefix) && (age > 2 * fetchMs || (await isLeftover(name.slice(asidePrefix.length)))))
      await rm(join(folder, name), { recursive: true, force: true }).catch(later);
  const commits = entries.filter(({ name }) => !name.startsWith(asidePrefix) && name !== commit);
  for (const { name, age } of commits.sort((a, b) => a.age - b.age).slice(kept - 1))
    if (age >= idleMs) await putAside(folder, name).catch(later);
}

function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason as Error);
    if (signal.aborted) return stop();
    signal.addEventListener("abort", stop, { once: true });
    void work.then(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
  });
}
