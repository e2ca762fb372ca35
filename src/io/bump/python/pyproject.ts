import { spelledName, type BumpMove } from "../../../core/bump/index.ts";
import { rangeSchemes, versionSchemes } from "../../../core/version/index.ts";
import { printable } from "../../../lib/index.ts";
import { reachesOut, runsCode } from "../error.ts";
import { isTable, parseToml, tableAt, tablesAt, textsAt, type Table } from "./toml.ts";

/** Keys of `tool.uv` that name no place, no file and no program. uv, Settings. */
const harmlessForUv = new Set(
  [
    ["constraint-dependencies", "override-dependencies", "exclude-dependencies", "dev-dependencies", "default-groups"],
    ["dependency-groups", "environments", "required-environments", "conflicts", "managed", "package", "workspace"],
    ["required-version", "resolution", "prerelease", "fork-strategy", "compile-bytecode", "link-mode", "sources"],
    ["python-preference", "python-downloads", "exclude-newer", "build-backend"],
  ].flat(),
);
const harmlessSources = new Set(["workspace", "marker", "extra", "group"]);
const calculated = new Set(["dependencies", "optional-dependencies", "requires-python", "name"]);

/** Refuses a `pyproject.toml` that leads away, or whose demands only its build backend knows. Throws REACHES_OUT, RUNS_CODE. */
export function refuseStray(path: string, text: string): void {
  const dynamic = textsAt(tableAt(parseToml(text), "project"), "dynamic").find((one) => calculated.has(one));
  if (dynamic !== undefined)
    runsCode(
      `${path} has its ${dynamic} calculated by its build backend, and no code of a repository is run: change it by hand`,
    );
  const stray = findStray(text);
  if (stray !== undefined) reachesOut(`${path} ${stray}: change it by hand`);
}

/** What of a `pyproject.toml` leads away from the registry that this machine names; undefined where nothing does. PyPA, pyproject.toml specification. */
function findStray(text: string): string | undefined {
  const manifest = parseToml(text);
  if (manifest === undefined) return "is no TOML";
  const address = demandsOf(manifest).find((one) => !isPlain(one));
  if (address !== undefined)
    return `asks for ${printable(address).slice(0, 200)}, and only what a registry has is looked up`;
  const uv = tableAt(manifest, "tool", "uv");
  const setting = Object.keys(uv ?? {}).find((key) => !harmlessForUv.has(key));
  if (setting !== undefined)
    return `sets tool.uv.${printable(setting).slice(0, 60)}, and only what this machine itself says of its registry counts`;
  for (const [name, source] of Object.entries(tableAt(uv, "sources") ?? {}))
    for (const one of Array.isArray(source) ? source : [source])
      if (!isTable(one) || one["workspace"] !== true || Object.keys(one).some((key) => !harmlessSources.has(key)))
        return `takes ${printable(name).slice(0, 100)} from another place than a registry`;
  return undefined;
}

/** All that a manifest asks for as PEP 508 has it. */
export function demandsOf(manifest: Table): string[] {
  const project = tableAt(manifest, "project");
  const uv = tableAt(manifest, "tool", "uv");
  const lists = [
    textsAt(project, "dependencies"),
    ...textLists(tableAt(project, "optional-dependencies")),
    ...textLists(tableAt(manifest, "dependency-groups")),
    ...["constraint-dependencies", "override-dependencies", "dev-dependencies"].map((key) => textsAt(uv, key)),
  ];
  return lists.flat();
}

/** Whether a demand names a package and versions alone. */
function isPlain(demand: string): boolean {
  return (
    demand.length <= 4096 &&
    !/^[^;]*@/.test(demand) &&
    /^\s*[A-Za-z0-9][\w.-]*\s*(?:\[[^\]]*\])?[^/:\\]*(?:;.*)?$/s.test(demand)
  );
}

function textLists(table: Table | undefined): string[][] {
  return Object.keys(table ?? {}).map((key) => textsAt(table, key));
}

/** The bytes of a manifest in which each demand of one specifier that takes a version which is to go, and not its successor, takes that; a text says why it cannot be told. Nothing else is changed. */
export function widenDemands(
  text: string,
  name: string,
  moves: readonly BumpMove[],
): string | { readonly refused: string } {
  const own = spelledName("pypi", name);
  let changed = text;
  for (const demand of new Set(demandsOf(parseToml(text) ?? {}))) {
    const [, head = "", range = "", tail = ""] =
      /^(\s*([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*)([^;]*?)(\s*(?:;.*)?)$/s
        .exec(demand)
        ?.filter((_, at) => at !== 2) ?? [];
    if (spelledName("pypi", /^\s*([\w.-]*)/.exec(head)?.[1] ?? "") !== own) continue;
    const move = moves.find(({ from, to }) => takes(range, from) && !takes(range, to));
    if (move === undefined) continue;
    const [, sign] = /^(==|~=|===|<=)\s*[\w.!+-]+$/.exec(range.trim()) ?? [];
    const wide = sign === undefined ? undefined : `${head}${sign}${move.to}${tail}`;
    const found = wide === undefined ? [] : quoted(changed, demand);
    if (wide === undefined || found.length === 0)
      return {
        refused: `pyproject.toml asks for ${printable(demand).slice(0, 200)}, which does not take ${move.to}: change it by hand`,
      };
    for (const one of found) changed = changed.replaceAll(one, one[0] + wide + one[0]);
  }
  return changed;
}

function quoted(text: string, demand: string): string[] {
  return [`"${demand}"`, `'${demand}'`].filter((one) => text.includes(one));
}

function takes(range: string, version: string): boolean {
  const [wanted, is] = [rangeSchemes.pypi.parse(range), versionSchemes.pypi.parse(version)];
  return wanted !== undefined && is !== undefined && rangeSchemes.pypi.isIn(is, wanted);
}

/** Packages of a lock file in TOML that only such ask for as changed or went themselves: by name alone, for their resolvers look at all of it. */
export function mayGoFrom(text: string): (after: string) => (name: string) => boolean {
  const asked = askedIn(text);
  return (after) => {
    const kept = new Set(lockedIn(after));
    return (name) => {
      const by = asked.get(spelledName("pypi", name)) ?? [];
      return by.length > 0 && by.every((one) => !kept.has(one));
    };
  };
}

function lockedIn(text: string): string[] {
  return tablesAt(parseToml(text), "package").map(labelOf);
}

function labelOf(one: Table): string {
  return `${spelledName("pypi", String(one["name"]))} ${String(one["version"])}`;
}

/** Who asks for each package: uv names tables, Poetry keys, PDM requirements. */
function askedIn(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const one of tablesAt(parseToml(text), "package")) {
    const lists = [one, ...groupsOf(one)];
    const names = lists.flatMap((list) => [
      ...tablesAt(list, "dependencies").map((to) => String(to["name"])),
      ...textsAt(list, "dependencies").map((to) => /^[\w.-]*/.exec(to)?.[0] ?? ""),
      ...Object.keys(tableAt(list, "dependencies") ?? {}),
    ]);
    for (const name of names) {
      const key = spelledName("pypi", name);
      found.set(key, [...(found.get(key) ?? []), labelOf(one)]);
    }
  }
  return found;
}

/** Dependencies of extras and groups, in the shape of others. */
function groupsOf(one: Table): Table[] {
  return ["optional-dependencies", "dev-dependencies"].flatMap((key) =>
    Object.values(tableAt(one, key) ?? {}).map((list) => ({ dependencies: list })),
  );
}
