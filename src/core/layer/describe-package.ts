import { parseElf } from "../inventory/index.ts";
import type { ControlStanza } from "../packages/index.ts";
import { contentDigest, contentOf, type PackageCollector, type RawEntry } from "./collect-package.ts";
import { reproducedBy } from "./generated/from-scripts.ts";
import { mergeUsr } from "./package-path.ts";
import { readAlternatives, unreproducedCommands } from "./read-scripts.ts";
import type { PackageEntry, PackageFacts, SharedLibrary } from "./types.ts";

const keptPaths =
  /^(?:usr\/share\/ca-certificates\/.+\.crt|usr\/share\/base-passwd\/(?:passwd|group)\.master|usr\/lib\/sysusers\.d\/[^/]+\.conf|etc\/ld\.so\.conf(?:\.d\/[^/]+\.conf)?|usr\/share\/libc-bin\/nsswitch\.conf|etc\/nsswitch\.conf|usr\/share\/debianutils\/shells(?:\.d\/[^/]+)?|usr\/share\/base-files\/[^/]+|usr\/share\/readline\/inputrc|usr\/share\/nginx\/html\/index\.html|usr\/share\/pam(?:-configs)?\/[^/]+|usr\/share\/openssh\/sshd_config|usr\/share\/info\/dir)$/;
const maxKeptFile = 1_048_576;
const maxKept = 16_777_216;
const scriptNames = ["config", "preinst", "postinst", "prerm", "postrm"];

/** What is known of a package once its archive has been collected. */
export function describePackage(
  control: ControlStanza,
  controlText: string,
  members: ReadonlyMap<string, Buffer>,
  collected: PackageCollector,
): PackageFacts {
  const field = (name: string): string => control.get(name) ?? "";
  const name = field("package");
  const source = /^(\S+)(?:\s+\(([^)]*)\))?$/.exec(field("source"));
  const kept: Record<string, string> = {};
  const libraries: SharedLibrary[] = [];
  let keptBytes = 0;
  const entries = collected.entries.map((raw): PackageEntry => {
    if (raw.kind === "file") {
      if (keptPaths.test(raw.path) && raw.size <= maxKeptFile && keptBytes + raw.size <= maxKept) {
        keptBytes += raw.size;
        kept[raw.path] = contentOf(raw).toString("utf8");
      }
      const library = libraryOf(raw);
      if (library !== undefined) libraries.push(library);
    }
    const { path, kind, mode, uid, gid, mtime, size, link } = raw;
    return {
      path,
      kind,
      mode,
      uid,
      gid,
      mtime,
      size,
      ...(kind === "file" ? { sha256: contentDigest(raw, "sha256") } : {}),
      ...(link === undefined ? {} : { link }),
    };
  });
  const postinst = members.get("postinst")?.toString("utf8") ?? "";
  const left = unreproducedCommands(postinst).filter((command) => !reproducedBy(name).includes(command));
  return {
    name,
    version: field("version"),
    architecture: field("architecture"),
    source: source?.[1] ?? name,
    sourceVersion: source?.[2] ?? field("version"),
    multiArchSame: field("multi-arch") === "same",
    control: controlText.trimEnd(),
    replaces: field("replaces"),
    conffiles: readConffiles(members, collected),
    entries,
    libraries,
    kept,
    alternatives: readAlternatives(postinst),
    triggers: members.get("triggers")?.toString("utf8") ?? "",
    scripts: scriptNames.filter((script) => members.has(script)),
    warnings:
      left.length === 0 || reproducedBy(name).includes("*")
        ? []
        : [`${name}: its postinst is not run, and calls ${left.join(", ")}`],
  };
}

/** Path and md5 of each conffile; deb-conffiles(5). One that the archive lacks is left out, as `remove-on-upgrade` ones are. */
function readConffiles(members: ReadonlyMap<string, Buffer>, collected: PackageCollector): [string, string][] {
  const lines = members.get("conffiles")?.toString("utf8").split("\n") ?? [];
  return lines.flatMap((line): [string, string][] => {
    const path = line.trim();
    if (!path.startsWith("/")) return [];
    const entry = collected.entry(mergeUsr(path.slice(1)));
    return entry?.kind === "file" ? [[path, contentDigest(entry, "md5")]] : [];
  });
}

/** The library in a file whose name says that it may be one, and that has a soname. */
function libraryOf(entry: RawEntry): SharedLibrary | undefined {
  if (!/\.so(?:\.|$)|\/ld-[^/]*\.so/.test(entry.path) || entry.size < 52) return undefined;
  const bytes = contentOf(entry);
  const facts = parseElf((offset, length) =>
    offset >= 0 && length >= 0 && offset + length <= bytes.length ? bytes.subarray(offset, offset + length) : undefined,
  );
  if (facts === undefined) return undefined;
  return { path: entry.path, soname: facts.soname ?? "", bits: facts.bits, machine: facts.machine };
}
