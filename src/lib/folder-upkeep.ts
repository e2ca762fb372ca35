import { lstat, readdir, rm, stat } from "node:fs/promises";
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

/** Removes what processes that were killed have left in `parent`: all that nobody changed for an hour. */
export async function removeLeftovers(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    const path = join(parent, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && Date.now() - found.mtimeMs > leftoverMs)
      await rm(path, { recursive: true, force: true });
  }
}

/** No work that has a folder of its own takes longer. */
const leftoverMs = 3_600_000;
