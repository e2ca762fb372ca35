import { readRequirement } from "../content/requirement.ts";
import type { LockAsks, LockParser } from "./lock-parser.ts";

interface Package {
  readonly name: string;
  readonly version: string;
}

interface Wanted {
  readonly by: Package;
  readonly name: string;
  readonly range: string;
  readonly when: string | undefined;
}

/** `[[package]]` tables with a name and a version, as Cargo.lock, poetry.lock, uv.lock and pdm.lock have them: as much of TOML as their writers use. Of ranges Poetry and PDM write those of the packages. */
export const parseTomlPackages: LockParser = (text, found, _say, asks) => {
  const packages: Package[] = [];
  const wanted: Wanted[] = [];
  let name: string | undefined;
  let version: string | undefined;
  let table = "";
  /** Of an array that goes on: of what. */
  let array: string | undefined;
  const finish = (): void => {
    if (name !== undefined && version !== undefined) {
      found(name, version);
      packages.push({ name, version });
    }
    name = undefined;
    version = undefined;
  };
  const add = (one: { readonly name: string; readonly range: string; readonly when: string | undefined }): void => {
    if (name !== undefined && version !== undefined) wanted.push({ by: { name, version }, ...one });
  };
  for (const raw of text.split("\n")) {
    const line = raw.trim();
    if (array !== undefined && line !== "]" && !/^\[+[\w.-]+\]+$/.test(line)) {
      for (const one of array === "" ? requirementsOf(line) : constraintsOf(array, line)) add(one);
      continue;
    }
    if (line === "]") {
      array = undefined;
      continue;
    }
    if (line.startsWith("[")) {
      array = undefined;
      if (!line.startsWith("[[") && !/^\[[\w.-]+\]$/.test(line)) continue;
      table = line;
      if (!line.startsWith("[package.")) finish();
      continue;
    }
    if (table === "[[package]]") {
      const field = /^(name|version)\s*=\s*"([^"\\]*)"$/.exec(line);
      if (field?.[1] === "name") name = field[2];
      else if (field?.[1] === "version") version = field[2];
      else if (/^dependencies\s*=\s*\[$/.test(line)) array = "";
    } else if (table === "[package.dependencies]") {
      const [, key, value = ""] = /^"?([A-Za-z0-9][\w.-]*)"?\s*=\s*(.*)$/.exec(line) ?? [];
      if (key === undefined) continue;
      if (value === "[") array = key;
      else for (const one of constraintsOf(key, value)) add(one);
    }
  }
  finish();
  tell(packages, wanted, asks);
};

/** A line of PDM's `dependencies`: `"markupsafe>=2.0",`. */
function requirementsOf(line: string): Omit<Wanted, "by">[] {
  const text = /^"((?:[^"\\]|\\.)*)",?$/.exec(line)?.[1];
  const asked = text === undefined ? undefined : readRequirement(unescape(text));
  return asked === undefined ? [] : [{ name: asked[0], range: asked[1], when: asked[2]?.when }];
}

/** What Poetry writes of a dependency: `">=1"` or `{version = ">=1", markers = "…", optional = true}`. An optional one is of an extra. */
function constraintsOf(name: string, value: string): Omit<Wanted, "by">[] {
  const plain = /^"([^"]*)"$/.exec(value)?.[1];
  if (plain !== undefined) return [{ name, range: anyIfStar(plain), when: undefined }];
  if (!value.startsWith("{") || /\boptional\s*=\s*true\b/.test(value)) return [];
  const range = /\bversion\s*=\s*"([^"]*)"/.exec(value)?.[1];
  const when = /\bmarkers\s*=\s*"((?:[^"\\]|\\.)*)"/.exec(value)?.[1];
  return [{ name, range: range === undefined ? "@ an address" : anyIfStar(range), when: when && unescape(when) }];
}

function anyIfStar(range: string): string {
  return range === "*" ? "" : range.slice(0, 256);
}

function unescape(text: string): string {
  return text.replaceAll(/\\(["\\])/g, "$1");
}

/** Names are written in several spellings. PyPA, Names and normalization. Of a package that is locked in several versions nobody can tell here who gets which. */
function tell(packages: readonly Package[], wanted: readonly Wanted[], asks: LockAsks): void {
  if (wanted.length === 0) return;
  const spelled = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, "-");
  const byName = Map.groupBy(packages, ({ name }) => spelled(name));
  for (const { by, name, range, when } of wanted) {
    const locked = byName.get(spelled(name)) ?? [];
    for (const one of locked) {
      const circumstances = locked.length > 1 ? (when ?? "another version of it is locked too") : when;
      const request = { by: `${by.name}@${by.version}`, range };
      asks.add(one.name, one.version, circumstances === undefined ? request : { ...request, when: circumstances });
    }
  }
  asks.all("what the project itself asks for is not in it");
}
