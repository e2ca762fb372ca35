import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Advisory, AffectedRange, IndexedAdvisory } from "../advisory/index.ts";
import { versionSchemes } from "../version/index.ts";
import type { VersionWord } from "./facts.ts";
import { noDemands, type Demand } from "./demands.ts";
import { planSourceCure, type SourceFacts } from "./plan-source-cure.ts";
import { createAllows } from "./cure-source.ts";
import { madeFinding } from "./testdata/made-remedy.ts";

const { npm } = versionSchemes;

function row(id: string, ranges: readonly AffectedRange[], aliases: readonly string[] = []): IndexedAdvisory {
  const affected = { ecosystem: "npm", name: "minimist", ranges, versions: [] };
  const times = { published: undefined, modified: undefined, withdrawn: undefined };
  const advisory: Advisory = { id, aliases, upstream: [], summary: "", ...times, affected: [affected] };
  return { advisory, affected };
}

/** What the ranges of a row say, by npm's order. */
function judge(version: string, { affected }: IndexedAdvisory): VersionWord {
  const at = npm.parse(version);
  if (at === undefined) return "unknown";
  for (const { introduced, fixed, lastAffected } of affected.ranges) {
    const [from, to, last] = [introduced, fixed, lastAffected].map((one) => npm.parse(one ?? ""));
    if (from !== undefined && npm.compare(at, from) < 0) continue;
    if (to !== undefined && npm.compare(at, to) >= 0) continue;
    if (last !== undefined && npm.compare(at, last) > 0) continue;
    return "affected";
  }
  return "clear";
}

const facts = (rows: readonly IndexedAdvisory[], over: Partial<SourceFacts> = {}): SourceFacts => ({
  type: "npm",
  installed: "1.2.0",
  fixes: rows.flatMap(({ advisory, affected }) =>
    affected.ranges.flatMap(({ fixed }) => (fixed === undefined ? [] : [{ version: fixed, from: advisory.id }])),
  ),
  scheme: npm,
  openAt: (version) => rows.filter((one) => judge(version, one) !== "clear").map(({ advisory }) => advisory),
  allows: (range, version) => (range === "?" ? undefined : version.startsWith(range)),
  file: "app/node_modules/minimist/package.json",
  demands: noDemands,
  ...over,
});
const finding = (id: string, fixed?: string) => madeFinding({ id, type: "npm", source: "minimist", fixed });

describe("planSourceCure", () => {
  const first = row("GHSA-1", [{ introduced: "0", fixed: "1.2.3" }]);
  const second = row("GHSA-2", [{ introduced: "1.0.0", fixed: "1.2.6" }]);

  it("takes the lowest version that cures all that is wrong with the package", () => {
    expect(planSourceCure(finding("GHSA-1", "1.2.3"), facts([first, second]))).toMatchObject({
      kind: "bump",
      version: "1.2.6",
      from: "GHSA-2",
    });
    expect(planSourceCure(finding("GHSA-1", "1.2.3"), facts([first]))).toMatchObject({ version: "1.2.3" });
  });

  it("passes over a version that another advisory, which does not touch the installed one, touches", () => {
    const later = row("GHSA-3", [{ introduced: "1.2.2", fixed: "1.2.5" }]);
    expect(planSourceCure(finding("GHSA-1", "1.2.3"), facts([first, later]))).toMatchObject({ version: "1.2.5" });
  });

  it("stays in its own line where that was mended", () => {
    const both = row("GHSA-1", [
      { introduced: "0", fixed: "0.2.4" },
      { introduced: "1.0.0", fixed: "1.2.6" },
      { introduced: "2.0.0", fixed: "2.0.1" },
    ]);
    expect(planSourceCure(finding("GHSA-1", "1.2.6"), facts([both]))).toMatchObject({ version: "1.2.6" });
    expect(planSourceCure(finding("GHSA-1", "0.2.4"), facts([both], { installed: "0.1.0" }))).toMatchObject({
      version: "0.2.4",
    });
  });

  it("cures what can be cured where something else cannot", () => {
    const open = row("GHSA-4", [{ introduced: "0" }]);
    expect(planSourceCure(finding("GHSA-1", "1.2.3"), facts([first, second, open]))).toMatchObject({
      version: "1.2.6",
    });
    expect(planSourceCure(finding("GHSA-4"), facts([first, open]))).toEqual({
      kind: "none",
      reason: "no version of minimist that cures it is known",
    });
  });

  it("believes the record that says that it is not cured", () => {
    const doubter = row("CVE-2099-0001", [{ introduced: "0" }], ["GHSA-1"]);
    const joined = { ...finding("GHSA-1", "1.2.3"), aliases: ["CVE-2099-0001"] };
    expect(planSourceCure(joined, facts([first, doubter]))).toEqual({
      kind: "none",
      reason: "minimist 1.2.3 is said to cure it, and another record says that it does not",
    });
  });

  it("takes a pre-release only where there is no release, or one is installed", () => {
    const early = row("GHSA-1", [{ introduced: "0", fixed: "2.0.0-rc.1" }]);
    expect(planSourceCure(finding("GHSA-1"), facts([early]))).toMatchObject({ version: "2.0.0-rc.1" });
    const late = row("GHSA-2", [{ introduced: "0", fixed: "2.0.1" }]);
    expect(planSourceCure(finding("GHSA-1"), facts([early, late]))).toMatchObject({ version: "2.0.1" });
    const more = row("GHSA-2", [{ introduced: "3.0.0", fixed: "3.0.1" }]);
    expect(planSourceCure(finding("GHSA-1"), facts([early, more]))).toMatchObject({ version: "3.0.1" });
    expect(planSourceCure(finding("GHSA-1"), facts([early, more], { installed: "2.0.0-rc.0" }))).toMatchObject({
      version: "2.0.0-rc.1",
    });
  });

  it("says who stands in the way", () => {
    const demands = [
      { file: "app/package.json", name: "app@1.0.0", range: "1." },
      { file: "app/node_modules/mkdirp/package.json", name: "mkdirp@0.5.1", range: "1.2.0" },
    ];
    const cure = planSourceCure(finding("GHSA-1"), facts([first], { demands: { asked: demands } }));
    expect(cure).toMatchObject({ isCompatible: false });
    expect(cure.kind === "bump" && cure.dependants.map(({ name, allows }) => [name, allows])).toEqual([
      ["app@1.0.0", true],
      ["mkdirp@0.5.1", false],
    ]);
    const compatible = (...ranges: string[]) => {
      const said = ranges.map((range) => ({ file: "package.json", name: "app", range }));
      const found = planSourceCure(finding("GHSA-1"), facts([first], { demands: { asked: said } }));
      return found.kind === "bump" ? found.isCompatible : "none";
    };
    expect(compatible("1.")).toBe(true);
    expect(compatible("1.", "?")).toBeUndefined();
    expect(compatible()).toBeUndefined();
  });

  it("takes first what everyone who asks takes, then what is not known, though another leaves less", () => {
    const wide = row("GHSA-1", [
      { introduced: "0", fixed: "1.2.3" },
      { introduced: "2.0.0", fixed: "2.0.1" },
    ]);
    const second = row("GHSA-2", [{ introduced: "0", fixed: "2.0.1" }]);
    const versionFor = (id: string, ...asked: Partial<Demand>[]) =>
      planSourceCure(
        finding(id),
        facts([wide, second], {
          demands: { asked: asked.map((one) => ({ file: "package.json", name: "app", range: "1.", ...one })) },
        }),
      );
    expect(versionFor("GHSA-1")).toMatchObject({ version: "2.0.1" });
    expect(versionFor("GHSA-1", {})).toMatchObject({ version: "1.2.3", isCompatible: true });
    expect(versionFor("GHSA-2", {})).toMatchObject({ version: "2.0.1", isCompatible: false });
    expect(versionFor("GHSA-1", {}, { range: "?" })).toMatchObject({ version: "1.2.3", isCompatible: undefined });
    // Nobody can tell whether the demand is one: it forbids nothing for certain, and is still better kept.
    expect(versionFor("GHSA-1", { when: "platform_release > '5'" })).toMatchObject({
      version: "1.2.3",
      isCompatible: true,
    });
    expect(versionFor("GHSA-2", { when: "platform_release > '5'" })).toMatchObject({ isCompatible: undefined });
  });

  it("does not count the word of one who does not take what is installed, nor calls anything compatible while somebody is not known", () => {
    const asked = [
      { file: "a/package.json", name: "a", range: "1." },
      { file: "b/package.json", name: "b", range: "0." },
    ];
    const cure = planSourceCure(finding("GHSA-1"), facts([first], { demands: { asked } }));
    expect(cure).toMatchObject({ version: "1.2.3", isCompatible: undefined });
    const gap = "a/package.json: it asks for more than 2000 packages";
    expect(
      planSourceCure(finding("GHSA-1"), facts([first], { demands: { asked: asked.slice(0, 1), gap } })),
    ).toMatchObject({ version: "1.2.3", isCompatible: undefined, gap });
  });

  it("takes no other major version for the same module of Go", () => {
    const go = (ranges: readonly AffectedRange[], installed: string) =>
      planSourceCure(
        finding("GO-1", "2.0.1"),
        facts([row("GO-1", ranges)], {
          type: "golang",
          installed,
          scheme: versionSchemes.golang,
          allows: createAllows("golang"),
          openAt: () => [],
        }),
      );
    expect(go([{ introduced: "0", fixed: "2.0.1" }], "v1.4.0")).toEqual({
      kind: "none",
      reason: expect.stringContaining("to Go another module") as string,
    });
    expect(
      go(
        [
          { introduced: "0", fixed: "2.0.1" },
          { introduced: "0", fixed: "1.5.0" },
        ],
        "v1.4.0",
      ),
    ).toMatchObject({
      version: "v1.5.0",
      isCompatible: true,
    });
    expect(go([{ introduced: "0", fixed: "1.5.0" }], "v0.9.0")).toMatchObject({
      version: "v1.5.0",
      isCompatible: true,
    });
    expect(go([{ introduced: "0", fixed: "1.5.0" }], "(devel)").kind).toBe("none");
  });

  it("says nothing of a version that cannot be compared, and is not held up by records without end", () => {
    expect(planSourceCure(finding("GHSA-1"), facts([first], { installed: "latest" })).kind).toBe("none");
    const endless = Array.from({ length: 3000 }, (_, at) => ({ introduced: "0", fixed: `9.0.${at}` }));
    expect(planSourceCure(finding("GHSA-1"), facts([row("GHSA-1", endless)]))).toMatchObject({ version: "9.0.2999" });
  });

  it("names, over made-up records, a version that is free of the finding and leaves as little as can be", () => {
    const version = fc
      .tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 3 }))
      .map(([a, b]) => `${a}.${b}.0`);
    const range = fc
      .record({ introduced: version, fixed: fc.option(version, { nil: undefined }) })
      .map(({ introduced, fixed }): AffectedRange => (fixed === undefined ? { introduced } : { introduced, fixed }));
    const rows = fc
      .array(fc.array(range, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 5 })
      .map((all) => all.map((ranges, at) => row(`GHSA-${at}`, ranges)));
    fc.assert(
      fc.property(rows, version, (all, installed) => {
        const touched = (at: string) => all.filter((one) => judge(at, one) !== "clear");
        const fixes = all.flatMap(({ affected }) => affected.ranges.flatMap(({ fixed }) => fixed ?? []));
        const newer = fixes.filter((one) => npm.compare(npm.parse(one)!, npm.parse(installed)!) > 0);
        for (const one of touched(installed)) {
          const cure = planSourceCure(finding(one.advisory.id), facts(all, { installed }));
          const cures = newer.filter((at) => judge(at, one) === "clear");
          if (cure.kind === "none") {
            expect(cures).toEqual([]);
            continue;
          }
          expect(cures).toContain(cure.version);
          const left = touched(cure.version).length;
          for (const other of cures) {
            expect(touched(other).length).toBeGreaterThanOrEqual(left);
            if (touched(other).length === left)
              expect(npm.compare(npm.parse(other)!, npm.parse(cure.version)!)).toBeGreaterThanOrEqual(0);
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});
