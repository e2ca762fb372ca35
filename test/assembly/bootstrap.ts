import { execFile } from "node:child_process";
import { lstatSync, readFileSync, readdirSync, readlinkSync } from "node:fs";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import {
  PackageCollector,
  accountsToAllocate,
  describePackage,
  generateEntries,
  skeletonEntries,
  type GeneratedEntry,
  type PackageFacts,
} from "../../src/core/layer/index.ts";
import { parseDebFile } from "../../src/io/distro/index.ts";

const run = promisify(execFile);

/** Why no real system can be installed into a folder; undefined where one can. */
export async function missingBootstrap(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return "mmdebstrap as root";
  return run("mmdebstrap", ["--version"]).then(
    () => undefined,
    () => "there is no mmdebstrap",
  );
}

/**
 * Installs a suite's smallest system and `packages` into `root` with apt and dpkg, which run every maintainer script, and
 * leaves the package files in the existing folder `debs`.
 */
export async function bootstrap(
  suite: string,
  packages: readonly string[],
  mirror: string,
  { root, debs }: { readonly root: string; readonly debs: string },
): Promise<void> {
  const keep = `cp "$1"/var/cache/apt/archives/*.deb '${debs}'`;
  const hooks = [`--extract-hook=${keep}`, "--skip=cleanup/apt", `--customize-hook=${keep}`];
  const args = ["--quiet", "--variant=minbase", `--include=${packages.join(",")}`, ...hooks, suite, root, mirror];
  await run("mmdebstrap", args, { maxBuffer: 64 << 20, timeout: 280_000 });
}

/** One line for each path of the system in `root` that an assembled image of the same packages has otherwise, or not, and for each that only the image has. */
export async function compareWith({ root, debs }: { readonly root: string; readonly debs: string }): Promise<string[]> {
  const packages = await readPackages(debs);
  const passwd = readNumbers(root, "etc/passwd");
  const group = readNumbers(root, "etc/group");
  const allocated = new Map(
    accountsToAllocate(packages).map((name) => [name, { uid: passwd.get(name) ?? -1, gid: group.get(name) ?? -1 }]),
  );
  const generated = generateEntries({ packages, architecture: "amd64", accounts: [], allocated });
  const expected = new Map<string, Expected>();
  for (const { entries } of packages)
    for (const entry of entries)
      if (entry.kind !== "directory" || !expected.has(entry.path)) expected.set(entry.path, entry);
  for (const entry of generated) expected.set(entry.path, entry);
  for (const entry of skeletonEntries((path) => expected.has(path))) expected.set(entry.path, entry);

  const lines: string[] = [];
  const walk = (folder: string): void => {
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === "" ? name : `${folder}/${name}`;
      if (elsewhere.test(path)) continue;
      const entry = expected.get(path);
      expected.delete(path);
      const difference = entry === undefined ? "only there" : differenceOf(root, path, entry);
      if (difference !== undefined) lines.push(`${path}: ${difference}`);
      if (lstatSync(join(root, path)).isDirectory()) walk(path);
    }
  };
  walk("");
  for (const path of expected.keys()) if (!elsewhere.test(path)) lines.push(`${path}: only here`);
  return lines.sort();
}

type Expected = Pick<GeneratedEntry, "kind" | "mode" | "uid" | "gid" | "link"> & { readonly content?: Uint8Array };

/** dpkg's own database and apt's folders are made by others; what a running system keeps is no file of an image. */
const elsewhere =
  /^(?:proc|sys|dev|run|tmp)\/|^var\/lib\/dpkg\/(?!alternatives|diversions)|^var\/(?:lib|cache)\/apt\/|(?:^|\/)__pycache__(?:\/|$)/;

function differenceOf(root: string, path: string, entry: Expected): string | undefined {
  const real = join(root, path);
  const stat = lstatSync(real);
  const kind = stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "symlink" : "file";
  if (kind !== (entry.kind === "hardlink" ? "file" : entry.kind)) return `a ${kind} there`;
  if (kind === "symlink") return readlinkSync(real) === entry.link ? undefined : `to ${readlinkSync(real)} there`;
  const mode = stat.mode & 0o7777;
  if (mode !== entry.mode || stat.uid !== entry.uid || stat.gid !== entry.gid)
    return `${mode.toString(8)} ${stat.uid}:${stat.gid} there`;
  if (entry.content === undefined) return undefined;
  return normalize(path, readFileSync(real)) === normalize(path, entry.content) ? undefined : "other content there";
}

/** The order of accounts and shells is that of their making, and the day of a password's change is today. */
function normalize(path: string, content: Uint8Array): string {
  const text = Buffer.from(content).toString("latin1");
  if (!/^etc\/(?:g?shadow|passwd|group|shells)$/.test(path)) return text;
  return text
    .replace(/^([^:]+:[^:]*:)\d{5}:/gm, "$1:")
    .split("\n")
    .sort()
    .join("\n");
}

async function readPackages(folder: string): Promise<PackageFacts[]> {
  const packages: PackageFacts[] = [];
  for (const name of await readdir(folder)) {
    if (!name.endsWith(".deb")) continue;
    const deb = await parseDebFile(await readFile(join(folder, name)), name);
    const collected = new PackageCollector(name);
    await deb.readData(collected);
    packages.push(describePackage(deb.control, deb.controlText, deb.members, collected));
  }
  return packages;
}

function readNumbers(root: string, path: string): Map<string, number> {
  const lines = readFileSync(join(root, path), "utf8").split("\n");
  return new Map(lines.map((line) => [line.split(":")[0] ?? "", Number(line.split(":")[2])]));
}
