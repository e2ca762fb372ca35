import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { createBumper, type BumpEnd, type BumpRequest } from "../index.ts";

/** Puts a program down. */
export function writeExecutable(path: string, script: string): Promise<void> {
  return writeFile(path, script, { mode: 0o755 });
}

/** Why a program cannot be run by a test; undefined where it can. */
export function noProgram(name: string, ...args: readonly string[]): string | undefined {
  return spawnSync(name, args.length === 0 ? ["--version"] : args, { timeout: 60_000 }).status === 0 ? undefined : name;
}

export const limits = { timeMs: 120_000, disk: 1_073_741_824, memory: 2_147_483_648, output: 4_194_304 };

type Asked = Pick<BumpRequest, "file" | "type" | "package" | "moves"> & Partial<BumpRequest>;
type Files = Readonly<Record<string, string>>;

/** Bumps in trees of a test's own files; all is gone after the last test of the block that calls it. */
export function bumpTrees(env: NodeJS.ProcessEnv = process.env) {
  const folders: string[] = [];
  afterAll(async () => {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }, 60_000);
  const newFolder = async (): Promise<string> => {
    const folder = await mkdtemp(join(tmpdir(), "tidemill-bump-"));
    folders.push(folder);
    return folder;
  };
  const put = async (tree: string, files: Files): Promise<void> => {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), text);
    }
  };
  return {
    newFolder,
    put,
    /** What becomes of files, as texts; `dir` is the bumper's folder. */
    bump: async (files: Files, asked: Asked, prepare?: (tree: string) => Promise<unknown>, at?: string, hidden: readonly string[] = []) => {
      const [tree, dir] = [await newFolder(), at ?? (await newFolder())];
      await put(tree, files);
      await prepare?.(tree);
      const end = await createBumper({ dir, env, hidden }).bump({ tree, limits, ...asked }, AbortSignal.timeout(300_000));
      return { end, files: textsOf(end), tree, dir };
    },
  };
}

function textsOf(end: BumpEnd): Files {
  return end.kind === "made" ? Object.fromEntries([...end.changed].map(([path, bytes]) => [path, bytes.toString()])) : {};
}
