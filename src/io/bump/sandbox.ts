import { randomUUID } from "node:crypto";
import { cp, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  formatBytes,
  formatSeconds,
  nameOfOwn,
  printable,
  removeLeftovers,
  runInGroup,
  sizeOfFolder,
} from "../../lib/index.ts";
import type { Isolation } from "./isolation.ts";
import { createTreeReader } from "./tree-reader.ts";
import type { BumpLimits, Env, Files, RunEnd, Sandbox } from "./types.ts";

const lookEveryMs = 200;

/** Sets what a child of ours may do before the program begins: no core files, no file larger than all that it may write, not every descriptor. */
const limited = 'ulimit -c 0; ulimit -f "$1"; ulimit -n 4096; shift; exec "$@"';

/** Has `work` done in a folder with `files` alone, which is gone afterwards; `base` is what every program gets of the environment. */
export async function inSandbox<T>(
  options: {
    readonly dir: string;
    readonly base: Env;
    readonly limits: BumpLimits;
    readonly programs: Env;
    readonly isolation: Isolation;
    readonly signal: AbortSignal;
  },
  files: Files,
  use: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const { dir } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  await removeLeftovers(dir);
  const root = join(dir, await nameOfOwn());
  const [work, home, temporary] = [join(root, "work"), join(root, "home"), join(root, "tmp")];
  try {
    for (const folder of [work, home, temporary]) await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const [path, bytes] of files) await put(work, path, bytes);
    return await use({
      work,
      home,
      read: (path) => createTreeReader(work).read(path),
      write: (path, bytes) => put(work, path, bytes),
      putHome: async (path, bytes) => {
        await put(home, path, bytes);
        return join(home, path);
      },
      seed: (name, path, make) => seed(join(`${dir}-seeds`, name), join(home, path), make),
      readHome: async (path) => (await createTreeReader(home).read(path)) ?? Buffer.alloc(0),
      run: ([program = "", ...args], { folder, env }) => {
        const command = [
          Object.hasOwn(options.programs, program) ? (options.programs[program] ?? "") : program,
          ...args,
        ];
        const own = { ...options.base, ...env, HOME: home, TMPDIR: temporary };
        return run(command, join(work, folder), own, root, options);
      },
    });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Another process may make the same at the same time: the first one that is whole stays. */
async function seed(kept: string, into: string, make: () => Promise<boolean>): Promise<void> {
  if (await isThere(kept)) return cp(kept, into, { recursive: true });
  if (!(await make())) return;
  const fresh = `${kept}.${randomUUID()}`;
  await cp(into, fresh, { recursive: true });
  await rename(fresh, kept).catch(() => rm(fresh, { recursive: true, force: true }));
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

async function put(work: string, path: string, bytes: Uint8Array | string): Promise<void> {
  await mkdir(dirname(join(work, path)), { recursive: true, mode: 0o700 });
  await writeFile(join(work, path), bytes);
}

async function run(
  command: readonly string[],
  cwd: string,
  env: Env,
  root: string,
  options: { readonly limits: BumpLimits; readonly isolation: Isolation; readonly signal: AbortSignal },
): Promise<RunEnd> {
  const { limits, isolation, signal } = options;
  const wrapped = isolation.wrap(command, { root, cwd, env, limits });
  const stop = new AbortController();
  let reason: string | undefined;
  const end = (why: string): void => {
    reason ??= why;
    stop.abort(new Error(why));
  };
  const pieces: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
  let size = 0;
  const watching = watchSize(root, limits.disk, stop.signal, () =>
    end(`${command[0]} wrote more than ${formatBytes(limits.disk)}`),
  );
  try {
    const ended = await runInGroup(
      {
        command: ["/bin/sh", "-c", limited, "sh", `${Math.ceil(limits.disk / 512)}`, ...wrapped.command],
        cwd,
        env: wrapped.env,
        timeoutMs: limits.timeMs,
        onOutput: (piece, stream) => {
          size += piece.length;
          if (size <= limits.output) pieces[stream].push(piece);
          else end(`${command[0]} said more than ${formatBytes(limits.output)}`);
        },
      },
      AbortSignal.any([signal, stop.signal]),
    );
    if (ended.kind === "late")
      return { kind: "stopped", reason: `${command[0]} took longer than ${formatSeconds(limits.timeMs / 1000)}` };
    if (ended.kind === "not started") return { kind: "stopped", reason: `${command[0]}: ${printable(ended.reason)}` };
    const text = (stream: "stdout" | "stderr"): string => Buffer.concat(pieces[stream]).toString();
    return { kind: "ended", status: ended.status, output: text("stdout"), errors: text("stderr") };
  } catch (error) {
    signal.throwIfAborted();
    if (reason === undefined) throw error;
    return { kind: "stopped", reason };
  } finally {
    stop.abort();
    await isolation.end(root);
    await watching;
  }
}

/** Looks at a folder until `signal`; `tooLarge` is told once. */
async function watchSize(folder: string, bytes: number, signal: AbortSignal, tooLarge: () => void): Promise<void> {
  while (!signal.aborted) {
    if ((await sizeOfFolder(folder)) > bytes) return tooLarge();
    await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
  }
}
