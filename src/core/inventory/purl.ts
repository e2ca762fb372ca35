import { PackageURL } from "packageurl-js";
import type { InstalledPackage, OsRelease, PackageType } from "./types.ts";

/** The purl of a package that was found on `os`. purl-spec, types. */
export function purlOf(entry: InstalledPackage, os: OsRelease | undefined): string {
  const { type, name, version, architecture, source, sourceVersion } = entry;
  const isDistro = type === "deb" || type === "apk" || type === "rpm";
  const [namespace, bare] = isDistro ? [os?.id, name] : splitName(type, name);
  const qualifiers: Record<string, string> = {};
  if (architecture !== "") qualifiers.arch = architecture;
  if (isDistro && os !== undefined)
    qualifiers.distro = `${os.id}-${os.versionId ?? os.codename ?? ""}`.replace(/-$/, "");
  const epoch = type === "rpm" ? /^(\d+):/.exec(version)?.[1] : undefined;
  const plain = epoch === undefined ? version : version.slice(epoch.length + 1);
  // A source rpm's name tells no epoch.
  const isOwnVersion = sourceVersion === version || (type === "rpm" && sourceVersion === plain);
  if (isDistro && source !== "" && (source !== name || !isOwnVersion))
    qualifiers.upstream = isOwnVersion ? source : `${source}@${sourceVersion}`;
  if (epoch !== undefined) qualifiers.epoch = epoch;
  if (entry.module !== undefined) qualifiers.rpmmod = entry.module;
  // A module that was built from a folder has no version of its own.
  const told = type === "golang" && version === "(devel)" ? undefined : plain;
  try {
    return new PackageURL(type, namespace, typed(type, bare), told, qualifiers, undefined).toString();
  } catch {
    return `pkg:${type}/${encodeURIComponent(name.toWellFormed())}@${encodeURIComponent(version.toWellFormed())}`;
  }
}

function splitName(type: PackageType, name: string): [string | undefined, string] {
  if (type === "maven") {
    const [group, ...rest] = name.split(":");
    return rest.length === 0 ? [undefined, name] : [group, rest.join(":")];
  }
  const at = type === "npm" || type === "golang" || type === "composer" ? name.lastIndexOf("/") : -1;
  return at < 0 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}

/** Names of Python's projects are told apart without regard to case and to which of `-`, `_` and `.` stand in them. PEP 503. */
function typed(type: PackageType, name: string): string {
  return type === "pypi" ? name.toLowerCase().replace(/[-_.]+/g, "-") : name;
}
