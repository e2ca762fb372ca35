import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileDurable } from "./lib/index.ts";

const configPathFile = "config-path";

/** The configuration that the state in `dataDir` was last opened with; undefined where there is none. */
export async function readConfigPath(dataDir: string): Promise<string | undefined> {
  const text = await readFile(join(dataDir, configPathFile), "utf8").catch(() => "");
  return text.trim() === "" ? undefined : text.trim();
}

/** Remembers the configuration that the state in `dataDir` was opened with. */
export async function saveConfigPath(dataDir: string, path: string): Promise<void> {
  if ((await readConfigPath(dataDir)) !== path) await writeFileDurable(join(dataDir, configPathFile), `${path}\n`);
}
