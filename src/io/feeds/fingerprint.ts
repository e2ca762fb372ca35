import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../lib/index.ts";

/** What tells that a file, or the files of a folder five levels down, are as they were: names, sizes and times. Throws what the file system throws. */
export async function fingerprint(path: string): Promise<string> {
  const lines: string[] = [];
  const look = async (below: string, depth: number): Promise<void> => {
    const found = await stat(below);
    if (!found.isDirectory()) {
      lines.push(`${below} ${found.size} ${found.mtimeMs} ${found.ino}`);
      return;
    }
    if (depth > 5) return;
    for (const name of (await readdir(below)).sort()) await look(join(below, name), depth + 1);
  };
  await look(path, 0);
  return `"${sha256(lines.join("\n"))}"`;
}
