import { lstat, readFile, readdir } from "node:fs/promises";
import { join, posix, resolve } from "node:path";
import type { PackagesImage } from "../core/config/index.ts";
import { AppError, messageOf } from "../lib/index.ts";

export class FilesError extends AppError<"FILE_UNREADABLE" | "FILE_TOO_LARGE" | "FILE_UNSUPPORTED"> {}

/** One file or folder of `files:`, as it goes into the image. */
export interface ImageFile {
  /** Absolute path in the image. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Undefined: a folder. */
  readonly content: Uint8Array | undefined;
}

const maxBytes = 268_435_456;
const maxFiles = 20_000;

/**
 * What one entry of `files:` names, in order of path: a file, all files of a folder, or an empty folder. Throws FILE_UNREADABLE, FILE_TOO_LARGE, and FILE_UNSUPPORTED for what is
 * neither file nor folder: a link would bring whatever it points at.
 */
export async function readImageFiles(home: string, entry: PackagesImage["files"][number]): Promise<ImageFile[]> {
  const [uid = 0, gid = 0] = entry.owner.split(":").map(Number);
  if ("folder" in entry) {
    const mode = Number.parseInt(entry.mode ?? "755", 8);
    return [{ path: posix.normalize(entry.folder), mode, uid, gid, content: undefined }];
  }
  const from = resolve(home, entry.from);
  const found: ImageFile[] = [];
  let bytes = 0;

  const add = async (path: string, to: string): Promise<void> => {
    const info = await lstat(path).catch((error: unknown) => {
      throw new FilesError("FILE_UNREADABLE", `files: ${entry.from}: ${messageOf(error)}`, {
        hint: "Paths of `files:` are relative to the configuration.",
      });
    });
    if (info.isDirectory()) {
      for (const name of (await readdir(path)).sort((a, b) => (a < b ? -1 : 1)))
        await add(join(path, name), posix.join(to, name));
      return;
    }
    if (!info.isFile()) {
      throw new FilesError("FILE_UNSUPPORTED", `files: ${path} is neither a file nor a folder`, {
        hint: "Links and devices are not copied. Name the file itself.",
      });
    }
    bytes += info.size;
    if (bytes > maxBytes || found.length >= maxFiles) {
      throw new FilesError(
        "FILE_TOO_LARGE",
        `files: ${entry.from} has more than ${maxBytes} bytes or ${maxFiles} files`,
      );
    }
    const mode =
      entry.mode === undefined ? ((info.mode & 0o111) === 0 ? 0o644 : 0o755) : Number.parseInt(entry.mode, 8);
    found.push({ path: to, mode, uid, gid, content: await readFile(path) });
  };
  await add(from, posix.normalize(entry.to));
  return found;
}
