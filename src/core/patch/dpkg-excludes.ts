import { listFolder, readText, type Tree } from "../inventory/index.ts";

/** Whether the image's dpkg leaves a path, with its leading slash, out of what it unpacks; `leads` says that others may stand below it: a folder, or a link. */
export type IsExcluded = (path: string, leads?: boolean) => boolean;

const maxRules = 200;
/** Steps for each character of one comparison, and characters of all for one image: what rules that are made to take long may cost. */
const maxSteps = 16;
const maxAll = 200_000_000;

/** The `path-exclude` and `path-include` of the image's dpkg: the last that fits a path counts. dpkg.cfg(5), dpkg(1). */
export function readExcludes(tree: Tree): IsExcluded {
  const folder = "etc/dpkg/dpkg.cfg.d";
  const files = [
    ...listFolder(tree, folder)
      .filter((name) => /^[\w-]+$/.test(name))
      .map((name) => `${folder}/${name}`),
    "etc/dpkg/dpkg.cfg",
  ];
  const rules = files
    .flatMap((path) => {
      const file = readText(tree, path);
      return file.kind === "read" ? file.text.split("\n") : [];
    })
    .flatMap((line) => {
      const [, kind, pattern] = /^\s*path-(exclude|include)\s*[=\s]\s*"?(\S+?)"?\s*$/.exec(line) ?? [];
      return pattern === undefined ? [] : [{ excludes: kind === "exclude", pattern }];
    })
    .slice(0, maxRules);
  // What an include names lies below the part of it that has no wildcard: dpkg keeps the folders and links on the way there.
  const heads = rules.flatMap(({ excludes, pattern }) =>
    excludes ? [] : [pattern.replace(/[*?[\\].*$/, "").replace(/\/+$/, "")],
  );
  let left = maxAll;
  return (path, leads = false) => {
    let excluded = false;
    if (rules.length === 0) return false;
    left -= rules.length * path.length;
    if (left < 0) return false;
    for (const { excludes, pattern } of rules)
      if (excludes !== excluded && matchesGlob(pattern, path)) excluded = excludes;
    return excluded && !(leads && heads.some((head) => path.startsWith(head)));
  };
}

/** fnmatch(3) without flags: `*` and `?` match slashes too; a bracket is one of its characters. Gives up, as no match, on what takes too long. */
export function matchesGlob(pattern: string, text: string): boolean {
  let steps = 0;
  let p = 0;
  let t = 0;
  let star = -1;
  let from = 0;
  while (t < text.length) {
    steps += 1;
    if (steps > maxSteps * (text.length + pattern.length)) return false;
    const one = p < pattern.length ? matchOne(pattern, p, text[t] ?? "") : undefined;
    if (pattern[p] === "*") {
      star = p;
      p += 1;
      from = t;
    } else if (one !== undefined) {
      p = one;
      t += 1;
    } else if (star >= 0) {
      p = star + 1;
      from += 1;
      t = from;
    } else return false;
  }
  while (pattern[p] === "*") p += 1;
  return p === pattern.length;
}

/** Where the pattern goes on after it took `char` at `at`; undefined where it does not. */
function matchOne(pattern: string, at: number, char: string): number | undefined {
  const first = pattern[at];
  if (first === "?") return at + 1;
  if (first === "\\" && at + 1 < pattern.length) return pattern[at + 1] === char ? at + 2 : undefined;
  const end = first === "[" ? pattern.indexOf("]", at + 2) : -1;
  if (end < 0) return first === char ? at + 1 : undefined;
  const inner = pattern.slice(at + 1, end);
  const negated = /^[!^]/.test(inner);
  const set = negated ? inner.slice(1) : inner;
  let found = false;
  for (let i = 0; i < set.length; i += 1) {
    const low = set[i] ?? "";
    const high = set[i + 1] === "-" && i + 2 < set.length ? (set[(i += 2)] ?? "") : low;
    if (char >= low && char <= high) found = true;
  }
  return found === negated ? undefined : end + 1;
}
