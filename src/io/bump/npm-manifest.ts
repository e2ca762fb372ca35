import { rangeSchemes, versionSchemes } from "../../core/version/index.ts";
import type { BumpMove } from "../../core/bump/index.ts";

/** Where a `package.json` names what it asks for. npm, package.json(5). */
export const npmSections = ["dependencies", "devDependencies", "optionalDependencies"] as const;

type Json = Readonly<Record<string, unknown>>;

/** Whether an npm range takes a version; undefined where it is no range. */
export function npmAllows(range: string, version: string): boolean | undefined {
  const [wanted, is] = [rangeSchemes.npm.parse(range), versionSchemes.npm.parse(version)];
  return wanted === undefined || is === undefined ? undefined : rangeSchemes.npm.isIn(is, wanted);
}

/** What a manifest asks for of a package, in every section that does. */
export function rangesOf(manifest: Json, name: string): string[] {
  return npmSections.flatMap((section) => {
    const range = textAt(manifest[section], name);
    return range === undefined ? [] : [range];
  });
}

/** The range that takes `to` in place of one that does not, in the way that it was written: `^1.2.3` is `^2.0.0`, `1.2.3` is `2.0.0`. Undefined for a range of several parts. */
export function widenRange(range: string, to: string): string | undefined {
  const [, sign] = /^([\^~]?|>=)\s*v?\d+(?:\.(?:\d+|[x*]))*(?:-[\w.-]+)?$/.exec(range.trim()) ?? [];
  return sign === undefined ? undefined : `${sign}${to}`;
}

/** A manifest in which every direct demand for a package that took `from` names `to` alone; for one run only. */
export function pinManifest(manifest: Json, name: string, moves: readonly BumpMove[]): Json {
  const pinned: Record<string, unknown> = { ...manifest };
  for (const section of npmSections) {
    const range = textAt(manifest[section], name);
    const move = range === undefined ? undefined : moves.find(({ from }) => npmAllows(range, from) === true);
    if (move !== undefined) pinned[section] = { ...(manifest[section] as Json), [name]: move.to };
  }
  return pinned;
}

/** The bytes of a manifest with each range of `name` that takes a version which is to go, and not its successor, made one that takes that; a text says why it cannot be told. Nothing else is changed. */
export function widenManifest(
  text: string,
  name: string,
  moves: readonly BumpMove[],
): string | { readonly refused: string } {
  const manifest = JSON.parse(text.replace(/^\uFEFF/, "")) as Json;
  let changed = text;
  for (const range of new Set(rangesOf(manifest, name))) {
    const move = moves.find(({ from, to }) => npmAllows(range, from) === true && npmAllows(range, to) !== true);
    if (move === undefined) continue;
    const wide = widenRange(range, move.to);
    if (wide === undefined)
      return { refused: `package.json asks for ${name} ${range}, which does not take ${move.to}: change it by hand` };
    const [key, value] = [JSON.stringify(name), JSON.stringify(range)].map(escape);
    changed = changed.replaceAll(
      new RegExp(`(${key}\\s*:\\s*)${value}`, "g"),
      (_, before: string) => before + JSON.stringify(wide),
    );
  }
  return isOnlyWidened(manifest, JSON.parse(changed.replace(/^\uFEFF/, "")) as Json, name)
    ? changed
    : { refused: `the places where package.json asks for ${name} cannot be told apart: change it by hand` };
}

/** What stood elsewhere in the manifest under the same words has to stand there still. */
function isOnlyWidened(before: Json, after: Json, name: string): boolean {
  const without = (manifest: Json): string =>
    JSON.stringify(manifest, function (this: unknown, key, value: unknown) {
      const isDemand = key === name && npmSections.some((section) => manifest[section] === this);
      return isDemand ? null : value;
    });
  return without(before) === without(after);
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

function textAt(value: unknown, key: string): string | undefined {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  const found = (value as Json)[key];
  return typeof found === "string" ? found : undefined;
}
