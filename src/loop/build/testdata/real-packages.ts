import { mkdir, readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createUniverse, resolvePackages, type PackageRecord, type PackageUniverse } from "../../../core/packages/index.ts";
import { sha256, writeFileDurable } from "../../../lib/index.ts";
import { createAptOracle, missingApt } from "../../../../test/apt/apt-oracle.ts";
import { findDebianMirror, sourceOf, type DebianMirror } from "../../../../test/apt/debian-mirror.ts";

/** Real packages of the mirror that this machine uses, kept in a folder for the next run. */
export interface RealPackages {
  resolve(roots: readonly string[], options?: { readonly essential?: boolean }): readonly PackageRecord[];
  readonly universe: PackageUniverse;
  /** The path of a package's file, downloaded once. */
  fetch(record: PackageRecord): Promise<string>;
}

const folder = join(tmpdir(), `tidemill-test-debs-${process.getuid?.() ?? 0}`);
const listsAgeMs = 6 * 3_600_000;

/** Why real packages cannot be had here; undefined where they can. */
export const missingMirror = missingApt;

/** The packages that `suites` of Debian offer for `architecture`. */
export async function realPackages(suites: readonly string[], architecture = "amd64"): Promise<RealPackages> {
  const mirror = findDebianMirror();
  if (mirror === undefined) throw new Error("no Debian mirror");
  await mkdir(join(folder, "pool"), { recursive: true });
  const indices = await Promise.all(
    suites.map(async (suite) => ({ origin: suite, bytes: await readList(mirror, suite, architecture) })),
  );
  const universe = createUniverse(architecture, indices);
  return {
    universe,
    resolve: (roots, { essential = false } = {}) => {
      const resolution = resolvePackages({ roots, essential }, universe);
      if (resolution.kind !== "resolved") throw new Error(resolution.chain.join("\n"));
      return resolution.packages;
    },
    fetch: async (record) => {
      const path = join(folder, "pool", `${record.sha256.slice(7)}.deb`);
      const found = await stat(path).catch(() => undefined);
      if (found?.size === record.size) return path;
      const { uri } = sourceOf(mirror, record.origin);
      const answer = await fetch(`${uri.replace(/\/+$/, "")}/${record.filename}`, { signal: AbortSignal.timeout(120_000) });
      const bytes = Buffer.from(await answer.arrayBuffer());
      if (sha256(bytes) !== record.sha256) throw new Error(`${record.filename}: status ${answer.status}, or not the bytes of the index`);
      await writeFileDurable(path, bytes);
      return path;
    },
  };
}

async function readList(mirror: DebianMirror, suite: string, architecture: string): Promise<Buffer> {
  const path = join(folder, `${suite}_${architecture}_Packages`);
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && Date.now() - found.mtimeMs < listsAgeMs) return readFile(path);
  const oracle = await createAptOracle({ mirror, suites: [suite], architecture });
  try {
    const [list] = await oracle.lists();
    const bytes = list === undefined ? Buffer.alloc(0) : await readFile(list.path);
    await writeFileDurable(path, bytes);
    return bytes;
  } finally {
    await oracle.close();
  }
}
