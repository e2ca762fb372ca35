import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { posix } from "node:path";
import { join } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { formatBytes, messageOf, printable, type Digest } from "../../../lib/index.ts";
import { BuildError } from "./build-error.ts";

/** A file of an image archive, kept under a name of ours. */
export interface Member {
  readonly path: string;
  readonly size: number;
  /** Of the bytes as they are in the archive. */
  readonly digest: Digest;
  readonly gzip: boolean;
}

/** What an engine wrote: its files by name. */
export interface UnpackedArchive {
  member(name: string): Member | undefined;
}

const mostMembers = 5000;
const mostLinks = 5;

/**
 * Takes an image archive (`docker save`, or an OCI layout in a tar) apart into numbered files of `folder`, so that no name
 * in it matters to the file system. Throws BAD_RESULT, and DISK_FULL past `limit` bytes.
 */
export async function unpackArchive(archive: Readable, folder: string, limit: number): Promise<UnpackedArchive> {
  const members = new Map<string, Member>();
  const links = new Map<string, string>();
  const tar = extract();
  let bytes = 0;
  let count = 0;
  const feeding = pipeline(archive, tar);
  // It is told by the loop below, which stops with the same error.
  feeding.catch(() => undefined);
  try {
    for await (const entry of tar) {
      const { name, type, linkname, size } = entry.header;
      count += 1;
      bytes += size;
      if (count > mostMembers)
        throw new BuildError("BAD_RESULT", `the engine's archive has more than ${mostMembers} files`);
      if (bytes > limit) throw tooLarge(limit);
      const key = posix.normalize(name);
      if (type === "file")
        members.set(key, await keep(entry as AsyncIterable<Uint8Array>, join(folder, String(count))));
      else {
        if ((type === "symlink" || type === "link") && typeof linkname === "string")
          links.set(key, posix.normalize(type === "link" ? linkname : posix.join(posix.dirname(key), linkname)));
        entry.resume();
      }
    }
    await feeding;
  } catch (error) {
    archive.destroy();
    if (error instanceof BuildError) throw error;
    if ((error as NodeJS.ErrnoException).code === "ENOSPC")
      throw new BuildError("DISK_FULL", "no space is left for the image", { cause: error, retry: true });
    throw new BuildError("BAD_RESULT", `what the engine wrote is no archive: ${printable(messageOf(error))}`, {
      cause: error,
      retry: true,
    });
  }
  return {
    member: (name) => {
      let key = posix.normalize(name);
      for (let hops = 0; hops < mostLinks && links.has(key); hops += 1) key = links.get(key) ?? key;
      return members.get(key);
    },
  };
}

async function keep(entry: AsyncIterable<Uint8Array>, path: string): Promise<Member> {
  const hash = createHash("sha256");
  let size = 0;
  let head = Buffer.alloc(0);
  const measure = new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      if (head.length < 2) head = Buffer.concat([head, chunk.subarray(0, 2)]);
      size += chunk.length;
      hash.update(chunk);
      done(null, chunk);
    },
  });
  await pipeline(entry, measure, createWriteStream(path, { mode: 0o600, flags: "wx" }));
  return { path, size, digest: `sha256:${hash.digest("hex")}`, gzip: head[0] === 0x1f && head[1] === 0x8b };
}

export function tooLarge(limit: number): BuildError {
  return new BuildError("DISK_FULL", `the image is larger than ${formatBytes(limit)}`, {
    hint: "Make it smaller, or allow a build more disk.",
  });
}
