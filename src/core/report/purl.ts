import { PackageURL } from "packageurl-js";
import type { InstalledPackage, OsRelease, PackageType } from "../inventory/index.ts";

/** The purl of a package that was found on `os`. purl-spec, types. */
export function purlOf(entry: InstalledPackage, os: OsRelease | undefined): string {
  const { type, name, version, architecture, source, sourceVersion } = entry;
  const isDistro = type === "deb" || type === "apk" || type === "rpm";
  const [namespace, bare] = isDistro ? [os?.id, name] : splitName(type, name);
  const qualifiers: Record<string, string> = {};
  if (architecture !== "") qualifiers.arch = architecture;
  if (isDistro && os !== undefined)
    qualifiers.distro = `${os.id}-${os.versionId ?? os.codename ?? ""}`.replace(/-$/, "");
  if (isDistro && source !== "" && (source !== name || sourceVersion !== version))
    qualifiers.upstream = sourceVersion === version ? source : `${source}@${sourceVersion}`;
  const epoch = type === "rpm" ? /^(\d+):/.exec(version)?.[1] : undefined;
  if (epoch !== undefined) qualifiers.epoch = epoch;
  const plain = epoch === undefined ? version : version.slice(epoch.length + 1);
  try {
    return new PackageURL(type, namespace, bare, plain, qualifiers, undefined).toString();
  } catch {
    return `pkg:${type}/${encodeURIComponent(name.toWellFormed())}@${encodeURIComponent(version.toWellFormed())}`;
  }
}

function splitName(type: PackageType, name: string): [string | undefined, string] {
  if (type === "maven") {
    const [group, ...rest] = name.split(":");
    return rest.length === 0 ? [undefined, name] : [group, rest.join(":")];
  }
  const at = type === "npm" || type === "golang" ? name.lastIndexOf("/") : -1;
  return at < 0 ? [undefined, name] : [name.slice(0, at), name.slice(at + 1)];
}
