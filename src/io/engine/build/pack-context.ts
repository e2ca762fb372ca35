import { createReadStream } from "node:fs";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pack, type Pack } from "tar-stream";
import { parseIgnoreFile } from "../../../core/dockerfile/index.ts";
import { BuildError } from "./build-error.ts";

/** A context as the classic builder takes it, and the name that the Dockerfile has in it. */
export interface PackedContext {
  readonly stream: Readable;
  readonly dockerfile: string;
}

const ignoreName = ".dockerignore";
const mostEntries = 1_000_000;

/**
 * The context folder as a tar with a Dockerfile that is not of it. The classic builder wants the Dockerfile inside, and
 * takes it away before the first step only where the context's .dockerignore leaves it out; docker's own program writes a
 * random name into that file, which then is in the image and in no cache. Here the Dockerfile gets a name that the user's
 * file leaves out already; so the steps see exactly what the folder holds. Throws what reading the folder throws.
 */
export async function packContext(
  context: string,
  dockerfile: string,
  ignoreFile: string | undefined,
): Promise<PackedContext> {
  const own = await readFile(join(context, ignoreName), "utf8").catch(() => undefined);
  const rules = ignoreFile ?? own ?? "";
  const ignores = parseIgnoreFile(rules);
  const staysInside = own !== undefined && !ignores(ignoreName);
  const name = (staysInside ? await nameLeftOut(context, own, ignores) : undefined) ?? ".tidemill-dockerfile";
  const tar = pack();
  const work = async (): Promise<void> => {
    // Where the user's file is no part of the context, one that leaves out both may take its place.
    if (!staysInside) await put(tar, ignoreName, `${ignoreName}\n${name}\n`);
    else if (!parseIgnoreFile(own)(name)) await put(tar, ignoreName, `${own}\n${name}\n`);
    const mayBringBack = /^\s*!/m.test(rules);
    await packFolder(tar, context, mayBringBack, (path) => {
      if (path === ignoreName) return !staysInside || !parseIgnoreFile(own)(name);
      return ignores(path) || path === name;
    });
    await put(tar, name, dockerfile);
    tar.finalize();
  };
  work().catch((error: unknown) => tar.destroy(error as Error));
  return { stream: tar as unknown as Readable, dockerfile: name };
}

/** A name at the top of the context that a rule of its own file leaves out, and that no file has which is kept. */
async function nameLeftOut(
  context: string,
  own: string,
  leavesOut: (path: string) => boolean,
): Promise<string | undefined> {
  const ignores = parseIgnoreFile(own);
  for (const line of own.split("\n")) {
    const pattern = line
      .trim()
      .replace(/^(?:\.?\/|\*\*\/)+/, "")
      .replace(/(?:\/\*\*|\/)+$/, "");
    const name = pattern.replaceAll(/[*?]/g, "x");
    if (!/^[\w.-]+$/.test(name) || /^\.{1,2}$/.test(name) || name === ignoreName || !ignores(name)) continue;
    const there = await lstat(join(context, name)).catch(() => undefined);
    if (there === undefined || leavesOut(name)) return name;
  }
  return undefined;
}

async function packFolder(
  tar: Pack,
  root: string,
  mayBringBack: boolean,
  leavesOut: (path: string) => boolean,
): Promise<void> {
  let count = 0;
  const open = [""];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const entries = await readdir(join(root, next), { withFileTypes: true });
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = next === "" ? entry.name : `${next}/${entry.name}`;
      const left = leavesOut(path);
      if (entry.isDirectory() && (!left || mayBringBack)) open.push(path);
      if (left) continue;
      count += 1;
      if (count > mostEntries) throw new BuildError("BUILD_FAILED", `${root} has more than ${mostEntries} files`);
      await packEntry(tar, join(root, path), path);
    }
  }
}

async function packEntry(tar: Pack, from: string, name: string): Promise<void> {
  const found = await lstat(from);
  const header = { name, mode: found.mode & 0o7777, mtime: found.mtime, uid: 0, gid: 0 };
  if (found.isDirectory()) await entryOf(tar, { ...header, type: "directory" });
  else if (found.isSymbolicLink()) await entryOf(tar, { ...header, type: "symlink", linkname: await readlink(from) });
  else if (found.isFile()) {
    const entry = tar.entry({ ...header, type: "file", size: found.size });
    await pipeline(
      createReadStream(from, { end: Math.max(found.size - 1, 0) }),
      entry as unknown as NodeJS.WritableStream,
    );
  }
}

function put(tar: Pack, name: string, content: string): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry({ name, mode: 0o644, mtime: new Date(0) }, content, (error) => (error ? reject(error) : resolve()));
  });
}

function entryOf(tar: Pack, header: Parameters<Pack["entry"]>[0]): Promise<void> {
  return new Promise((resolve, reject) => {
    tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}
