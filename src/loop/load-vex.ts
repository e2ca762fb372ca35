import { readdir, readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseOpenVex, type VexStatement } from "../core/advisory/index.ts";
import { messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";

/** What people and publishers say of findings, and what of it could not be read. */
export interface LoadedVex {
  readonly statements: readonly VexStatement[];
  /** One sentence each, naming the file. */
  readonly problems: readonly string[];
}

const mostFiles = 1000;
const mostBytes = 32 * 1_048_576;

/** The statements of the OpenVEX documents that the configuration names: files, and the `.json` files of folders. One that cannot be read is told, and says nothing. */
export async function loadVex({ config, home }: Pick<Context, "config" | "home">): Promise<LoadedVex> {
  const statements: VexStatement[] = [];
  const problems: string[] = [];
  for (const named of config.vex) {
    const path = resolve(home, named);
    try {
      for (const file of await filesAt(path)) {
        const { size } = await stat(file);
        if (size > mostBytes) {
          problems.push(`${file} is larger than ${mostBytes} bytes`);
          continue;
        }
        const parsed = parseOpenVex(JSON.parse(await readFile(file, "utf8")));
        if (parsed.kind === "bad") problems.push(`${file}: ${parsed.problem}`);
        else {
          for (const one of parsed.statements) statements.push(one);
          problems.push(...parsed.problems.map((problem) => `${file}: ${problem}`));
        }
      }
    } catch (error) {
      problems.push(`${path} cannot be read: ${messageOf(error)}`);
    }
  }
  return { statements, problems };
}

async function filesAt(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter((name) => name.endsWith(".json")).sort();
  if (names.length > mostFiles) throw new Error(`it holds more than ${mostFiles} documents`);
  return names.map((name) => join(path, name));
}
