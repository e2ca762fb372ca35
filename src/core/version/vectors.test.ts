import { existsSync, readFileSync } from "node:fs";
import { describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { versionSchemes, type VersionScheme } from "./index.ts";

const folder = new URL("../../../../shared/data/versions/", import.meta.url);
const missing = existsSync(folder) ? undefined : "the shared version vectors are not beside the project";

type SchemeName = keyof typeof versionSchemes;

/** Rows that the format's own tool orders otherwise, or has no order for, with the tool's word. The tool is right. */
const exceptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "alpine.osv-scalibr apk": {
    "1-r = 1-r0": "apk-tools 3: <, for 1-r is broken",
    "1-r0-1 = 1-r-2": "apk-tools 3: >, for the second is broken earlier",
  },
  "semver.osv-scalibr golang": { "1.1.3.4.5 = 1.1.3.4.5": "x/mod/semver: invalid" },
  "semver.osv-scalibr npm": {
    "999999999999999999999999999991 < 999999999999999999999999999999": "node-semver: invalid",
    "999999999999999999999999999991.999999999999999999999999999991.999999999999999999999999999991 < 999999999999999999999999999999.999999999999999999999999999991.999999999999999999999999999991":
      "node-semver: invalid major version",
    "1.1.3.4.5 = 1.1.3.4.5": "node-semver: invalid",
  },
  "semver.osv-scalibr cargo": {
    "999999999999999999999999999991 < 999999999999999999999999999999":
      "semver: unexpected end, expecting a minor version",
    "999999999999999999999999999991.999999999999999999999999999991.999999999999999999999999999991 < 999999999999999999999999999999.999999999999999999999999999991.999999999999999999999999999991":
      "semver: value of major version number exceeds u64::MAX",
    "1.1.3.4.5 = 1.1.3.4.5": "semver: unexpected character after patch version number",
  },
  "rubygems.osv-scalibr gem": {
    "1 > 1beta": "Gem::Version: malformed version number string 1beta",
    "1 > 1gamma": "Gem::Version: malformed version number string 1gamma",
  },
  "nuget.osv-scalibr nuget": {
    "999999999999999999999999999991 < 999999999999999999999999999999": "NuGet.Versioning: not a valid version string",
    "999999999999999999999999999991.999999999999999999999999999991.999999999999999999999999999991 < 999999999999999999999999999999.999999999999999999999999999991.999999999999999999999999999991":
      "NuGet.Versioning: not a valid version string",
  },
  "packagist.osv-scalibr composer": {
    "1.0.0 > 1.0": "composer/semver: =, both are 1.0.0.0",
    "4.3-2RC1 < 4.3-2RC2": "composer/semver: invalid version string",
    "4.3-2RC2 > 4.3-2beta5": "composer/semver: invalid version string",
    "4.3-2 > 4.3-2beta1": "composer/semver: invalid version string",
    "1.2.3.# = 1.2.3": "composer/semver: invalid version string",
    "1.2.3.# = 1.2.3.#": "composer/semver: invalid version string",
    "1.2.3.# = 1.2.3.1": "composer/semver: invalid version string",
    "1.2.3.#.1 > 1.2.3": "composer/semver: invalid version string",
    "1.2.3.#.p3 > 1.2.3": "composer/semver: invalid version string",
    "1.2.3.#.beta < 1.2.3": "composer/semver: invalid version string",
    "999999999999999999999999999991 < 999999999999999999999999999999": "composer/semver: invalid version string",
    "999999999999999999999999999991.999999999999999999999999999991.999999999999999999999999999991 < 999999999999999999999999999999.999999999999999999999999999991.999999999999999999999999999991":
      "composer/semver: invalid version string",
  },
};

interface Row {
  readonly a: string;
  readonly op: string;
  readonly b: string;
}

function rowsOf(file: string): Row[] {
  return readFileSync(new URL(file, folder), "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split("\t"))
    .map(([a = "", op = "", b = ""]) => ({ a, op, b }));
}

/** The rows that ours orders otherwise, as keys of the exceptions. */
function wrongRows(scheme: VersionScheme, rows: readonly Row[]): string[] {
  const wrong = rows.filter(({ a, op, b }) => {
    const [left, right] = [scheme.parse(a), scheme.parse(b)];
    if (left === undefined || right === undefined) return true;
    const there = "<=>"[Math.sign(scheme.compare(left, right)) + 1];
    const back = "<=>"[Math.sign(-scheme.compare(right, left)) + 1];
    return there !== op || back !== op;
  });
  return [...new Set(wrong.map(({ a, op, b }) => `${a} ${op} ${b}`))];
}

describe.each<readonly [file: string, scheme: SchemeName]>([
  ["debian.osv-scalibr", "deb"],
  ["alpine.osv-scalibr", "apk"],
  ["redhat.osv-scalibr", "rpm"],
  ["npm.node-semver", "npm"],
  ["semver.osv-scalibr", "npm"],
  ["semver.osv-scalibr", "golang"],
  ["semver.osv-scalibr", "cargo"],
  ["pypi.packaging", "pypi"],
  ["go.xmod-semver", "golang"],
  ["maven.maven-artifact", "maven"],
  ["rubygems.osv-scalibr", "gem"],
  ["nuget.osv-scalibr", "nuget"],
  ["packagist.osv-scalibr", "composer"],
])("%s.tsv, as %s", (file, name) => {
  needs(missing)("orders every row, but for what the format's own tool says otherwise of", () => {
    // Only cargo's versions may not begin with a v.
    const rows = rowsOf(`${file}.tsv`).filter(
      ({ a, b }) => name !== "cargo" || !(a.startsWith("v") || b.startsWith("v")),
    );
    expect(rows.length).toBeGreaterThan(20);
    expect(wrongRows(versionSchemes[name] as VersionScheme, rows).toSorted()).toEqual(
      Object.keys(exceptions[`${file} ${name}`] ?? {}).toSorted(),
    );
  });
});

describe("go.xmod-semver.invalid.txt", () => {
  needs(missing)("has no version", () => {
    const lines = readFileSync(new URL("go.xmod-semver.invalid.txt", folder), "utf8").split("\n");
    const texts = lines.filter((line) => line !== "" && !line.startsWith("#"));
    expect(texts.length).toBeGreaterThan(5);
    expect(texts.filter((text) => versionSchemes.golang.parse(text) !== undefined)).toEqual([]);
  });
});
