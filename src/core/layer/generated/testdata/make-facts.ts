import type { PackageEntry, PackageFacts } from "../../types.ts";

/** Facts of a package with files at `paths`; a path that ends with a slash is a folder, `a -> b` a link. */
export function makeFacts(name: string, paths: readonly string[] = [], change: Partial<PackageFacts> = {}): PackageFacts {
  const version = change.version ?? "1-1";
  const kept = change.kept ?? {};
  return {
    name,
    version,
    architecture: "amd64",
    source: name,
    sourceVersion: version,
    multiArchSame: false,
    control: `Package: ${name}\nVersion: ${version}`,
    replaces: "",
    conffiles: [],
    entries: [...paths, ...Object.keys(kept).filter((path) => !paths.includes(path))].map(makeEntry),
    libraries: [],
    kept,
    alternatives: [],
    triggers: "",
    scripts: [],
    warnings: [],
    ...change,
  };
}

function makeEntry(text: string): PackageEntry {
  const common = { uid: 0, gid: 0, mtime: 1_700_000_000, size: 0, at: 0 };
  const [path = "", link] = text.split(" -> ");
  if (link !== undefined) return { ...common, path, kind: "symlink", mode: 0o777, link };
  if (path.endsWith("/")) return { ...common, path: path.slice(0, -1), kind: "directory", mode: 0o755 };
  return { ...common, path, kind: "file", mode: 0o644, sha256: "0".repeat(64) };
}
