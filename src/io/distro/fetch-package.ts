import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { PackageRecord } from "../../core/packages/index.ts";
import { AppError, digestHex } from "../../lib/index.ts";
import { DistroError, withDiskErrors } from "./error.ts";
import { downloadFile, type FetchContext } from "./fetch-file.ts";
import type { Distro } from "./types.ts";

/** Brings packages to `dir`, each once for all who ask for it at the same time; one who gives up leaves the others alone. */
export function createPackageFetcher(dir: string, context: FetchContext): Distro["fetchPackage"] {
  const downloads = new Map<string, Promise<string>>();
  return async (record, source, signal) => {
    const hex = digestHex(record.sha256);
    const path = join(dir, "packages", hex.slice(0, 2), `${hex}.deb`);
    for (let running = downloads.get(path); running !== undefined; running = downloads.get(path)) {
      try {
        return await running;
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof AppError) throw error;
      }
    }
    const own = withDiskErrors(record.filename, dir, async () => {
      const there = await stat(path).catch(() => undefined);
      if (there?.size === record.size) return path;
      requireInside(record);
      await mkdir(dirname(path), { recursive: true });
      const url = `${source.mirror.replace(/\/+$/, "")}/${record.filename}`;
      await downloadFile(url, path, record, context, signal);
      return path;
    }).finally(() => downloads.delete(path));
    downloads.set(path, own);
    return own;
  };
}

/** The signed index names files below the archive's root; nothing else is asked for. */
function requireInside({ filename, name }: PackageRecord): void {
  const parts = filename.split("/");
  if (!filename.startsWith("/") && !parts.includes("..") && !/[?#\\\0]/.test(filename)) return;
  throw new DistroError("BAD_INDEX", `${name}: its Filename "${filename.slice(0, 200)}" leads out of the archive`, {
    hint: "The archive signs an index that is broken. The package is not fetched.",
  });
}
