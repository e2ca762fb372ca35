import { randomUUID } from "node:crypto";
import { lstat, readFile, readdir, readlink, rm, stat } from "node:fs/promises";
import { join } from "node:path";

/** Bytes of the files below a folder; what goes while it is looked at counts nothing. */
export async function sizeOfFolder(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => [])) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += await sizeOfFolder(path);
    else bytes += (await lstat(path).catch(() => undefined))?.size ?? 0;
  }
  return bytes;
}

/** Removes what processes that were killed have left in `parent`: what was named by one that is no more, and all that nobody changed for an hour. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && (Date.now() - found.mtimeMs > leftoverMs || (await isLeftover(name))))
      await rm(path, { recursive: true, force: true });
  }
}

/** A new name that tells which process gave it, for work that goes with it. */
export async function nameOfOwn(): Promise<string> {
  own ??= lifeOf("self").then((life) => (life === undefined ? "" : `${life}.`));
  return (await own) + randomUUID();
}

/** Whether a name was given by a process of this machine that is no more. Of one in another container nothing can be told: its processes are not ours to see. */
export async function isLeftover(name: string): Promise<boolean> {
  const [, life = "", system, process] = /^((\d+)-(\d+)-\d+)\./.exec(name) ?? [];
  if (process === undefined || system !== (await systemOf())) return false;
  return (await lifeOf(process)) !== life;
}

let own: Promise<string> | undefined;

/** Where a process is, which, and since when: its id alone is given again. Undefined where there is none, or the system does not say. proc_pid_stat(5), field 22. */
async function lifeOf(process: string): Promise<string | undefined> {
  const [system, text] = [await systemOf(), await readFile(`/proc/${process}/stat`, "utf8").catch(() => "")];
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [id, started] = [text.slice(0, text.indexOf(" ")), fields[19]];
  return system === undefined || started === undefined || fields[0] === "Z" ? undefined : `${system}-${id}-${started}`;
}

/** The number of the namespace that processes are counted in. pid_namespaces(7). */
async function systemOf(): Promise<string | undefined> {
  const link = await readlink("/proc/self/ns/pid").catch(() => "");
  return /\d+/.exec(link)?.[0];
}

/** No work that has a folder of its own takes longer. */
const leftoverMs = 3_600_000;
