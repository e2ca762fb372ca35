import { describe, expect, it } from "vitest";
import { buildAdvisoryIndex } from "./advisory-index.ts";
import { parseExploitScores } from "./exploit-scores.ts";
import { parseExploited } from "./exploited.ts";
import { matchAdvisories } from "./match-advisories.ts";
import { madeInventory, madeOs, madePackage, madeRecord } from "./testdata/made.ts";

/** In the form of CISA's document. */
function catalogue(vulnerabilities: readonly unknown[], more: object = {}): object {
  return {
    title: "CISA Catalog of Known Exploited Vulnerabilities",
    catalogVersion: "2026.01.05",
    dateReleased: "2026-01-05T16:00:00.0000Z",
    count: vulnerabilities.length,
    vulnerabilities,
    ...more,
  };
}
function exploited(cveID: unknown, dateAdded: unknown = "2021-11-03", dueDate: unknown = "2021-11-17"): object {
  return { cveID, vendorProject: "x", product: "x", vulnerabilityName: "x", dateAdded, shortDescription: "x", dueDate };
}

describe("parseExploited", () => {
  it("has since when each is exploited, and until when it is to be cured", () => {
    const value = catalogue([exploited("CVE-2021-44228"), exploited("CVE-2014-0160", "2022-05-04", null)]);
    expect(parseExploited(value)).toEqual({
      kind: "catalogue",
      released: Date.parse("2026-01-05T16:00:00Z"),
      vulnerabilities: [
        { cve: "CVE-2014-0160", since: Date.parse("2022-05-04"), due: undefined },
        { cve: "CVE-2021-44228", since: Date.parse("2021-11-03"), due: Date.parse("2021-11-17") },
      ],
      bad: 0,
      problems: [],
    });
  });

  it("sets entries aside that are none, and takes the first date of one that is there twice", () => {
    const value = catalogue([
      exploited("CVE-2021-0001", "2022-01-01"),
      exploited("CVE-2021-0001", "2021-01-01"),
      exploited("__proto__"),
      exploited("CVE-2021-0002", "yesterday"),
      exploited("CVE-2021-0003", "2021-99-99"),
      exploited("CVE-2021-0004", "2021-01-01", 5),
      null,
    ]);
    expect(parseExploited(value)).toMatchObject({
      kind: "catalogue",
      bad: 5,
      vulnerabilities: [{ cve: "CVE-2021-0001", since: Date.parse("2021-01-01") }],
    });
  });

  it.each([
    ["nothing", undefined],
    ["a list", [exploited("CVE-2021-0001")]],
    ["an empty one", catalogue([])],
    ["a torn one", catalogue([exploited("CVE-2021-0001")], { count: 1300 })],
    ["one without a count", catalogue([exploited("CVE-2021-0001")], { count: undefined })],
    ["one of nothing that can be read", catalogue([null, 5])],
    ["a huge one", catalogue(Array.from({ length: 100_001 }, () => null))],
  ])("refuses %s", (_, value) => expect(parseExploited(value).kind).toBe("bad"));
});

const csv = `#model_version:v2025.03.14,score_date:2026-01-05T12:55:00Z
cve,epss,percentile
CVE-2021-44228,0.94358,0.99962
CVE-2014-0160,0.5,0.9
`;

describe("parseExploitScores", () => {
  const scores = [
    { cve: "CVE-2014-0160", epss: 0.5 },
    { cve: "CVE-2021-44228", epss: 0.943_58 },
  ];

  it.each([
    ["CSV", csv],
    ["CSV of another system", `\uFEFF${csv.replaceAll("\n", "\r\n")}`],
    ["CSV with a time as it was written before", csv.replace("12:55:00Z", "12:55:00+0000")],
    [
      "JSON",
      JSON.stringify({
        status: "OK",
        total: 2,
        data: [
          { cve: "CVE-2021-44228", epss: "0.943580000", percentile: "0.99962", date: "2026-01-05T12:55:00Z" },
          { cve: "CVE-2014-0160", epss: 0.5 },
        ],
      }),
    ],
  ])("reads %s", (_, text) =>
    expect(parseExploitScores(text)).toEqual({
      kind: "scores",
      scored: Date.parse("2026-01-05T12:55:00Z"),
      scores,
      bad: 0,
      problems: [],
    }),
  );

  it("sets lines aside that are none", () => {
    const lines = [
      "CVE-2021-0001,2,0",
      "CVE-2021-0002,-1,0",
      "CVE-2021-0003,NaN,0",
      "__proto__,0.5,0",
      "CVE-2021-0004",
    ];
    lines.push("CVE-2021-0005,0x1,0", "CVE-2021-0006,,", `CVE-${"9".repeat(5000)},0.5,0.5`);
    const read = parseExploitScores(`${csv}${lines.join("\n")}\n\n`);
    expect(read).toMatchObject({ kind: "scores", bad: lines.length, scores });
  });

  it.each([
    ["nothing", ""],
    ["one that is cut off", csv.slice(0, -5)],
    ["one without heading", csv.split("\n").slice(2).join("\n")],
    ["one without scores", csv.split("\n").slice(0, 2).join("\n").concat("\n")],
    ["a page of another server", "<!doctype html>\n<html>\n"],
    ["torn JSON", '{"data": ['],
    ["other JSON", '{"data": 5}'],
  ])("refuses %s", (_, text) => expect(parseExploitScores(text).kind).toBe("bad"));

  it("reads as many as there are in a moment", () => {
    const lines = Array.from({ length: 300_000 }, (_, at) => `CVE-2024-${100_000 + at},0.00${at % 1000},0.5`);
    const begun = performance.now();
    const read = parseExploitScores(`cve,epss,percentile\n${lines.join("\n")}\n`);
    expect(read.kind === "scores" && read.scores.length).toBe(300_000);
    expect(performance.now() - begun).toBeLessThan(10_000);
  });
});

describe("what is known beside advisories", () => {
  it("stands with the finding, by its CVE", () => {
    const ghsa = madeRecord("GHSA-aaaa-bbbb-cccc", "npm", "a", "2.0.0", { aliases: ["CVE-2021-44228"] });
    const dsa = madeRecord("DSA-1-1", "Debian:12", "b", "2", { upstream: ["CVE-2021-0001", "CVE-2021-0002"] });
    const plain = madeRecord("GHSA-dddd-eeee-ffff", "npm", "a", "2.0.0");
    const asked: string[] = [];
    const since = Date.parse("2021-11-03");
    const { findings } = matchAdvisories(
      madeInventory(madeOs("debian", "12"), madePackage("npm", "a", "1.0.0"), madePackage("deb", "b", "1")),
      buildAdvisoryIndex([ghsa, dsa, plain]),
      undefined,
      {
        exploitedOf: (cve) => (cve === "CVE-2021-44228" ? { since, due: undefined } : undefined),
        epssOf: (cve) => {
          asked.push(cve);
          return cve === "CVE-2021-0002" ? 0.25 : undefined;
        },
      },
    );
    expect(findings.map(({ id, exploited: known, epss }) => [id, known?.since, epss])).toEqual([
      ["CVE-2021-44228", since, undefined],
      ["GHSA-dddd-eeee-ffff", undefined, undefined],
      ["CVE-2021-0001", undefined, undefined],
      ["CVE-2021-0002", undefined, 0.25],
    ]);
    expect(asked.sort()).toEqual(["CVE-2021-0001", "CVE-2021-0002", "CVE-2021-44228"]);
  });
});
