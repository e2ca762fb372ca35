import { createHash } from "node:crypto";
import type { PackageCollector } from "./collect-package.ts";
import { tarFile } from "./tar-writer.ts";

/** What the tar headers of all that we make ourselves say: the start of 2000, which every archive format can express. */
export const generatedTime = 946_684_800;

const executable = new Set(["config", "preinst", "postinst", "prerm", "postrm"]);
const shape = { mode: 0o644, uid: 0, gid: 0, mtime: generatedTime, kind: "file" } as const;

export interface DatabaseInput {
  readonly name: string;
  readonly architecture: string;
  readonly multiArchSame: boolean;
  readonly controlText: string;
  readonly members: ReadonlyMap<string, Buffer>;
  readonly collected: PackageCollector;
  /** Path, with its leading slash, and md5 of each conffile. */
  readonly conffiles: readonly (readonly [path: string, md5: string])[];
}

/**
 * What dpkg keeps of an installed package in `info/`, as tar: list, md5sums, conffiles, scripts, triggers. A package of
 * `Multi-Arch: same` has its architecture in the names. `without` are paths, as the package has them, that went to another
 * package. dpkg, lib/dpkg/db-ctrl-format.c, format 1.
 */
export function infoMember(input: DatabaseInput, without: ReadonlySet<string> = new Set()): Buffer {
  const { members } = input;
  const base = infoBase(input);
  const files: [string, Buffer | string][] = [["list", listOf(input, without)]];
  for (const [file, bytes] of members)
    if (file !== "control" && file !== "md5sums" && /^[\w.+-]{1,64}$/.test(file)) files.push([file, bytes]);
  files.push(["md5sums", sumsWithout(input, without)]);
  files.sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(
    files.map(([file, bytes]) =>
      tarFile({ ...shape, path: `${base}.${file}`, mode: executable.has(file) ? 0o755 : 0o644 }, bytes),
    ),
  );
}

/**
 * The same for an image that holds no dpkg: its control stanza, with its conffiles as dpkg's status has them, and md5sums in `status.d/`, where scanners look, and its list
 * in `info/`, which alone names its links.
 */
export function statusDMember(input: DatabaseInput, without: ReadonlySet<string> = new Set()): Buffer {
  const base = `var/lib/dpkg/status.d/${input.name}`;
  const conffiles = input.conffiles.filter(([path]) => !without.has(path)).map(([path, md5]) => `\n ${path} ${md5}`);
  const field = conffiles.length === 0 ? "" : `\nConffiles:${conffiles.join("")}`;
  return Buffer.concat([
    tarFile({ ...shape, path: base }, `${input.controlText.trimEnd()}${field}\n`),
    tarFile({ ...shape, path: `${base}.md5sums` }, sumsWithout(input, without)),
    tarFile({ ...shape, path: `${infoBase(input)}.list` }, listOf(input, without)),
  ]);
}

function infoBase({ name, architecture, multiArchSame }: DatabaseInput): string {
  return `var/lib/dpkg/info/${name}${multiArchSame ? `:${architecture}` : ""}`;
}

function listOf({ collected }: DatabaseInput, without: ReadonlySet<string>): string {
  return `${collected.ownPaths.filter((path) => !without.has(path)).join("\n")}\n`;
}

/** The package's own md5sums, or, where it has none, those of its files without its conffiles, as dpkg makes them. */
function sumsWithout({ members, collected }: DatabaseInput, without: ReadonlySet<string>): string {
  const given = members.get("md5sums")?.toString("utf8");
  if (given !== undefined && without.size === 0) return given;
  if (given !== undefined)
    return given
      .split("\n")
      .filter((line) => !without.has(`/${line.slice(34).replace(/^\.?\//, "")}`))
      .join("\n");
  const conffiles = new Set(members.get("conffiles")?.toString("utf8").split("\n") ?? []);
  const lines: string[] = [];
  for (const entry of collected.entries) {
    if (entry.kind !== "file" || conffiles.has(entry.ownPath) || without.has(entry.ownPath)) continue;
    const hash = createHash("md5");
    for (const piece of entry.content) hash.update(piece);
    lines.push(`${hash.digest("hex")}  ${entry.ownPath.slice(1)}\n`);
  }
  return lines.join("");
}
