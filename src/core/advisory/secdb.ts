import { advisoryKey, baseOf } from "./ecosystems.ts";
import type { ParsedAdvisory } from "./osv.ts";
import type { AffectedPackage } from "./types.ts";

/** What a secdb document says. */
export interface ParsedSecdb {
  /** Of the document: `alpine:v3.19`, `wolfi`; undefined where it names no release and none was given. */
  readonly ecosystem: string | undefined;
  readonly parsed: readonly ParsedAdvisory[];
}

const most = { packages: 200_000, versions: 10_000, ids: 10_000 };
const longest = 512;
const idShape = /^[A-Z][A-Za-z0-9_]{0,31}-[A-Za-z0-9][A-Za-z0-9._:-]{0,119}$/;
const noTimes = { published: undefined, modified: undefined, withdrawn: undefined };

/**
 * The document in which Alpine, Wolfi and Chainguard list what each version of a package fixed: `{distroversion, packages:
 * [{pkg: {name, secfixes: {VERSION: [IDS]}}}]}`. Version "0" means that the package was never affected. `ecosystem` is
 * whose it is where the document has no release of Alpine in it. A package that breaks the form is told, not thrown.
 */
export function parseSecdb(value: unknown, ecosystem?: string): ParsedSecdb {
  const document = fieldsOf(value);
  const release = document?.["distroversion"];
  const own =
    typeof release === "string" && /^v?\d{1,4}\.\d{1,4}$|^edge$/.test(release) ? `alpine:${release}` : undefined;
  // A document of Alpine is about the release that it names, whoever configured it.
  const isAlpine = ecosystem === undefined || baseOf(ecosystem.toLowerCase()) === "alpine";
  const name = (isAlpine ? own : undefined) ?? ecosystem;
  const packages = document?.["packages"];
  if (name === undefined)
    return { ecosystem: undefined, parsed: [bad("", "it does not say of which distribution it is")] };
  const normal = advisoryKey(name, "").ecosystem;
  if (!Array.isArray(packages) || packages.length > most.packages)
    return { ecosystem: normal, parsed: [bad("", `packages: not a list of at most ${most.packages}`)] };
  return { ecosystem: normal, parsed: packages.flatMap((one: unknown) => parseSecdbPackage(normal, one)) };
}

/** What one entry of `packages` says, each vulnerability as its own advisory. */
export function parseSecdbPackage(ecosystem: string, value: unknown): ParsedAdvisory[] {
  const pkg = fieldsOf(fieldsOf(value)?.["pkg"]);
  const name = pkg?.["name"];
  if (typeof name !== "string" || name === "" || name.length > longest) return [bad("", "pkg.name: not a name")];
  const secfixes = pkg?.["secfixes"];
  if (secfixes === null || (Array.isArray(secfixes) && secfixes.length === 0)) return [];
  const fixes = fieldsOf(secfixes);
  if (fixes === undefined) return [bad(name, "secfixes: not an object of versions")];
  const versions = Object.entries(fixes);
  if (versions.length > most.versions) return [bad(name, `secfixes: more than ${most.versions} versions`)];
  const key = advisoryKey(ecosystem, name);
  const problems: ParsedAdvisory[] = [];
  const byId = new Map<string, { readonly aliases: Set<string>; readonly rows: AffectedPackage[] }>();
  for (const [version, ids] of versions) {
    if (version === "" || version.length > longest || !isIds(ids)) {
      problems.push(bad(name, `secfixes.${version.slice(0, 64)}: not a list of ids`));
      continue;
    }
    const row: AffectedPackage =
      version === "0"
        ? { ...key, ranges: [], versions: [], judgement: "not-affected" }
        : { ...key, ranges: [{ introduced: "0", fixed: version }], versions: [] };
    for (const { id, aliases } of ids.flatMap(readIds)) {
      const known = byId.get(id) ?? { aliases: new Set<string>(), rows: [] };
      byId.set(id, known);
      for (const alias of aliases) known.aliases.add(alias);
      known.rows.push(row);
    }
  }
  const advisories = [...byId].map(([id, { aliases, rows }]): ParsedAdvisory => ({
    kind: "advisory",
    advisory: { id, aliases: [...aliases], upstream: [], summary: "", ...noTimes, affected: rows },
  }));
  return [...advisories, ...problems];
}

/** An entry is one id, or several of one vulnerability with words between them: `CVE-2017-2616 (+ regression fix)`. Two CVEs are two vulnerabilities. */
function readIds(entry: string): { readonly id: string; readonly aliases: readonly string[] }[] {
  const ids = [...new Set(entry.split(/[\s,;()[\]]+/).filter((word) => idShape.test(word) && /\d|^GHSA-/.test(word)))];
  const cves = ids.filter((id) => id.startsWith("CVE-"));
  const others = ids.filter((id) => !id.startsWith("CVE-"));
  if (cves.length === 1 && cves[0] !== undefined) return [{ id: cves[0], aliases: others }];
  return ids.map((id) => ({ id, aliases: [] }));
}

function isIds(value: unknown): value is readonly string[] {
  if (!Array.isArray(value) || value.length > most.ids) return false;
  return value.every((one) => typeof one === "string" && one.length <= longest);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function bad(name: string, problem: string): ParsedAdvisory {
  return { kind: "bad", id: name === "" ? undefined : name.slice(0, 128), problem };
}
