import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A disk of a few mebibytes. */
export interface SmallDisk {
  readonly path: string;
  remove(): Promise<void>;
}

/** Mounts one in memory. mount(8), tmpfs(5). */
export async function mountSmallDisk(mebibytes: number): Promise<SmallDisk> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-small-disk-"));
  const path = join(folder, "disk");
  await mkdir(path);
  await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path]);
  return {
    path,
    remove: async () => {
      await run("umount", [path]);
      await rm(folder, { recursive: true });
    },
  };
}

/** Why no disk can be mounted here, or undefined. */
export function missingSmallDisk(): Promise<string | undefined> {
  return mountSmallDisk(1).then(
    async (disk) => {
      await disk.remove();
      return undefined;
    },
    () => "the right to mount a tmpfs",
  );
}
