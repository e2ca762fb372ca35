import { describe, expect, it } from "vitest";
import { buildAdvisoryIndex } from "./advisory-index.ts";
import { matchAdvisories } from "./match-advisories.ts";
import { parseSecdb, type ParsedSecdb } from "./secdb.ts";
import { madeInventory, madeOs, madePackage, madeRecord } from "./testdata/made.ts";

/** In the form of Alpine's `main.json` and Wolfi's `security.json`. */
function document(packages: readonly unknown[], more: object = { distroversion: "v3.19", reponame: "main" }): object {
  return { apkurl: "{{urlprefix}}/x", archs: ["x86_64"], urlprefix: "https://x.example", ...more, packages };
}
function pkg(name: string, secfixes: unknown): object {
  return { pkg: { name, secfixes } };
}
const advisoriesOf = ({ parsed }: ParsedSecdb) =>
  parsed.flatMap((one) => (one.kind === "advisory" ? [one.advisory] : []));
const badOf = ({ parsed }: ParsedSecdb) => parsed.filter(({ kind }) => kind === "bad");

describe("parseSecdb", () => {
  const openssl = pkg("openssl", {
    "3.1.4-r1": ["CVE-2023-5678"],
    "3.1.4-r0": ["CVE-2023-5363", "CVE-2023-9999 GHSA-aaaa-bbbb-cccc (+ regression fix)"],
    "0": ["CVE-2022-1292", "CVE-2022-2068"],
  });

  it("has each vulnerability with the version that fixed it, and knows what never was affected", () => {
    const read = parseSecdb(document([openssl]));
    expect(read.ecosystem).toBe("alpine:v3.19");
    expect(badOf(read)).toEqual([]);
    expect(
      advisoriesOf(read).map(({ id, aliases, affected }) => [id, aliases, affected[0]?.ranges, affected[0]?.judgement]),
    ).toEqual([
      ["CVE-2022-1292", [], [], "not-affected"],
      ["CVE-2022-2068", [], [], "not-affected"],
      ["CVE-2023-5678", [], [{ introduced: "0", fixed: "3.1.4-r1" }], undefined],
      ["CVE-2023-5363", [], [{ introduced: "0", fixed: "3.1.4-r0" }], undefined],
      ["CVE-2023-9999", ["GHSA-aaaa-bbbb-cccc"], [{ introduced: "0", fixed: "3.1.4-r0" }], undefined],
    ]);
  });

  it("finds by the source, and never what the distribution calls not affected, whoever else says so", () => {
    const osv = madeRecord("ALPINE-CVE-2022-1292", "Alpine:v3.19", "openssl", "9-r0");
    const held = madeInventory(
      madeOs("alpine", "3.19.1"),
      madePackage("apk", "libssl3", "3.1.4-r0", { source: "openssl" }),
    );
    const alone = matchAdvisories(held, buildAdvisoryIndex([osv]));
    expect(alone.findings.map(({ id }) => id)).toEqual(["CVE-2022-1292"]);
    const together = matchAdvisories(held, buildAdvisoryIndex([...advisoriesOf(parseSecdb(document([openssl]))), osv]));
    expect(together.findings.map(({ id, fixed }) => [id, fixed])).toEqual([["CVE-2023-5678", "3.1.4-r1"]]);
  });

  it("is fixed by the last of several versions that fix the same", () => {
    const twice = pkg("busybox", { "1.1-r0": ["CVE-2020-0001"], "1.1-r2": ["CVE-2020-0001"] });
    const held = madeInventory(madeOs("alpine", "3.19"), madePackage("apk", "busybox", "1.1-r1"));
    const { findings } = matchAdvisories(held, buildAdvisoryIndex(advisoriesOf(parseSecdb(document([twice])))));
    expect(findings.map(({ id, fixed }) => [id, fixed])).toEqual([["CVE-2020-0001", "1.1-r2"]]);
  });

  it("calls what it cannot compare unknown", () => {
    const broken = pkg("musl", { "not a version": ["CVE-2020-0001"] });
    const held = madeInventory(madeOs("alpine", "3.19"), madePackage("apk", "musl", "1.1-r1"));
    const { findings } = matchAdvisories(held, buildAdvisoryIndex(advisoriesOf(parseSecdb(document([broken])))));
    expect(findings.map(({ id, state }) => [id, state])).toEqual([["CVE-2020-0001", "unknown"]]);
  });

  it("of Wolfi and Chainguard is of those, which it does not say itself", () => {
    const wolfi = document([pkg("apko", { "0.5.0-r1": ["CVE-2023-0001", "GHSA-aaaa-bbbb-cccc"] })], { reponame: "os" });
    expect(parseSecdb(wolfi, "wolfi").ecosystem).toBe("wolfi");
    expect(parseSecdb(wolfi, "Chainguard").ecosystem).toBe("chainguard");
    expect(parseSecdb(wolfi)).toMatchObject({ ecosystem: undefined, parsed: [{ kind: "bad" }] });
    const held = madeInventory(madeOs("wolfi", "20230201"), madePackage("apk", "apko", "0.4-r0"));
    const { findings, state } = matchAdvisories(held, buildAdvisoryIndex(advisoriesOf(parseSecdb(wolfi, "wolfi"))));
    expect([state, findings.map(({ id }) => id)]).toEqual(["known", ["CVE-2023-0001", "GHSA-aaaa-bbbb-cccc"]]);
  });

  it.each<[string, unknown, number, number]>([
    ["no document", null, 1, 0],
    ["a list", [], 1, 0],
    ["no packages", { distroversion: "v3.19" }, 1, 0],
    ["a release that is none", document([], { distroversion: "v3.19/../../etc" }), 1, 0],
    ["packages that are none", document([null, 5, {}, { pkg: 5 }, pkg("", {}), pkg("x".repeat(600), {})]), 6, 0],
    ["fixes that are none", document([pkg("a", "x"), pkg("b", ["x"]), pkg("c", { "1-r0": "CVE-2020-0001" })]), 3, 0],
    ["ids that are none", document([pkg("a", { "1-r0": ["", "not an id", "__proto__", "CVE-"] })]), 0, 0],
    ["an id that is no text", document([pkg("a", { "1-r0": [5, "CVE-2020-0001"] })]), 1, 0],
    ["no fixes yet", document([pkg("a", null), pkg("b", {}), pkg("c", [])]), 0, 0],
    ["names of prototypes", document([pkg("constructor", { toString: ["CVE-2020-0001"] })]), 0, 1],
    ["too many packages", document(Array.from({ length: 200_001 }, () => null)), 1, 0],
  ])("of %s sets aside what is broken", (_, value, bad, good) => {
    const read = parseSecdb(value);
    expect([badOf(read).length, advisoriesOf(read).length]).toEqual([bad, good]);
  });
});
