/** A member of a package's data or of an image, as far as finding a changelog needs it. */
export interface ChangelogEntry {
  /** With or without a leading `/` or `./`. */
  readonly path: string;
  readonly type: string;
  readonly link?: string;
}

export type ChangelogPlace =
  | { readonly kind: "file"; readonly path: string }
  /** The documentation folder, or the changelog, is a link to that of another package of the same source. */
  | { readonly kind: "link"; readonly package: string }
  | { readonly kind: "missing" };

/** Where the changelog of `name` is among `entries`: `changelog.Debian.gz`, `changelog.gz` for native packages, or another package's. Debian Policy 12.7. */
export function findChangelog(name: string, entries: Iterable<ChangelogEntry>): ChangelogPlace {
  const folder = `usr/share/doc/${name}`;
  const byPath = new Map<string, ChangelogEntry>();
  for (const entry of entries) {
    const path = entry.path.replace(/^\.?\/+/, "").replace(/\/+$/, "");
    if (path === folder || path.startsWith(`${folder}/changelog`)) byPath.set(path, entry);
  }
  const whole = byPath.get(folder);
  if (whole?.type === "symlink") return linked(whole.link ?? "", folder);
  for (const file of ["changelog.Debian.gz", "changelog.gz", "changelog.Debian", "changelog"]) {
    const entry = byPath.get(`${folder}/${file}`);
    if (entry?.type === "symlink") return linked(entry.link ?? "", `${folder}/x`);
    if (entry?.type === "file") return { kind: "file", path: entry.path };
  }
  return { kind: "missing" };
}

/** The package in whose documentation folder a link ends. */
function linked(target: string, from: string): ChangelogPlace {
  const trail = target.startsWith("/") ? [] : from.split("/").slice(0, -1);
  for (const part of target.split("/")) {
    if (part === "..") trail.pop();
    else if (part !== "" && part !== ".") trail.push(part);
  }
  const match = /^usr\/share\/doc\/([a-z0-9][a-z0-9+.-]*)(?:\/|$)/.exec(trail.join("/"));
  return match?.[1] === undefined ? { kind: "missing" } : { kind: "link", package: match[1] };
}
