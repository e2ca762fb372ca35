import { describe, expect, it } from "vitest";
import { buildAdvisoryIndex, joinIndexes } from "./advisory-index.ts";
import { closedAdvisories } from "./closed-advisories.ts";
import { parseTrackerSource } from "./debian-tracker.ts";
import { knownIds } from "./known-ids.ts";
import { parseOsvRecord } from "./osv.ts";
import type { Advisory } from "./types.ts";

function record(id: string, fixed: string | undefined, more: object = {}): Advisory {
  const events = [{ introduced: "0" }, ...(fixed === undefined ? [] : [{ fixed }])];
  const affected = [{ package: { ecosystem: "Debian:12", name: "openssl" }, ranges: [{ type: "ECOSYSTEM", events }] }];
  const parsed = parseOsvRecord({ id, modified: "2024-01-01T00:00:00Z", affected, ...more });
  if (parsed.kind === "bad") throw new Error(parsed.problem);
  return parsed.advisory;
}
const update = { source: "openssl", from: "3.0.9-1", to: "3.0.11-1" };
const closedBy = (...advisories: Advisory[]) => closedAdvisories(buildAdvisoryIndex(advisories), "debian:12", update);

describe("closedAdvisories", () => {
  it.each([
    ["what the new version fixes", "3.0.11-1", ["CVE-2024-0001"]],
    ["not what it does not fix", "3.0.12-1", []],
    ["not what was fixed before", "3.0.9-1", []],
    ["not what has no fix", undefined, []],
    ["not what cannot be compared", "no version", []],
  ])("names %s", (_, fixed, ids) => expect(closedBy(record("CVE-2024-0001", fixed)).ids).toEqual(ids));

  it("names CVEs and the DSA that tells of them, not the other names of the same", () => {
    const found = closedBy(
      record("DSA-1-1", "3.0.10-1", { upstream: ["CVE-2024-0002", "CVE-2024-0001"] }),
      record("DEBIAN-CVE-2024-0001", "3.0.10-1", { upstream: ["CVE-2024-0001"], aliases: ["GHSA-x"] }),
    );
    expect(found.ids).toEqual(["CVE-2024-0001", "CVE-2024-0002", "DSA-1-1"]);
  });

  it("does not call closed what another feed still calls open", () => {
    const osv = buildAdvisoryIndex([record("DSA-1-1", "3.0.10-1", { upstream: ["CVE-2024-0001", "CVE-2024-0002"] })]);
    const document = { "CVE-2024-0002": { releases: { bookworm: { status: "open", urgency: "high" } } } };
    const tracker = buildAdvisoryIndex(
      parseTrackerSource("openssl", document).flatMap((one) => (one.kind === "advisory" ? [one.advisory] : [])),
    );
    const found = closedAdvisories(joinIndexes([osv, tracker]), "debian:12", update);
    expect(found).toEqual({ ids: ["CVE-2024-0001", "DSA-1-1"], urgent: [], exploited: [], vouched: [] });
  });

  it("is urgent where what it closes is critical or exploited, and not by what it leaves", () => {
    const critical = { database_specific: { severity: "CRITICAL" } };
    expect(closedBy(record("CVE-2024-0001", "3.0.10-1", critical)).urgent).toEqual(["CVE-2024-0001"]);
    expect(closedBy(record("CVE-2024-0001", "3.0.99-1", critical), record("CVE-2024-0002", "3.0.10-1"))).toEqual({
      ids: ["CVE-2024-0002"],
      urgent: [],
      exploited: [],
      vouched: [],
    });
    const known = (id: string): boolean => id === "CVE-2024-0002";
    const index = buildAdvisoryIndex([record("DSA-1-1", "3.0.10-1", { upstream: ["CVE-2024-0002"] })]);
    expect(closedAdvisories(index, "debian:12", update, known)).toMatchObject({
      urgent: ["CVE-2024-0002", "DSA-1-1"],
      exploited: ["CVE-2024-0002", "DSA-1-1"],
      vouched: [],
    });
  });

  it.each<[string, readonly (readonly [id: string, kind: string, isStrong: boolean, isCritical: boolean])[], string[]]>(
    [
      ["one weak feed does not", [["CVE-2024-0001", "osv", false, true]], []],
      [
        "the same feed twice does not",
        [
          ["CVE-2024-0001", "osv", false, true],
          ["DSA-1-1", "osv", false, true],
        ],
        [],
      ],
      ["a strong one does", [["CVE-2024-0001", "secdb", true, true]], ["CVE-2024-0001"]],
      [
        "a strong one does for what a weak one calls critical",
        [
          ["CVE-2024-0001", "osv", false, true],
          ["CVE-2024-0001", "secdb", true, false],
        ],
        ["CVE-2024-0001"],
      ],
      [
        "two kinds of weak ones do",
        [
          ["CVE-2024-0001", "osv", false, true],
          ["CVE-2024-0001", "malware", false, false],
        ],
        ["CVE-2024-0001"],
      ],
      ["nobody does for what is not critical", [["CVE-2024-0001", "secdb", true, false]], []],
      [
        "another's word about another does not",
        [
          ["CVE-2024-0001", "osv", false, true],
          ["CVE-2024-0002", "secdb", true, false],
        ],
        [],
      ],
    ],
  )("of who vouches for it: %s", (_, rows, vouched) => {
    const critical = { database_specific: { severity: "CRITICAL" } };
    const index = buildAdvisoryIndex(
      rows.map(([id, , , isCritical]) => record(id, "3.0.10-1", isCritical ? critical : {})),
    );
    const told = {
      ...index,
      find: () =>
        index.find("debian:12", "openssl").map((row, at) => {
          const [, kind = "", isStrong = false] = rows[at] ?? [];
          return { ...row, by: { kind, isStrong } };
        }),
    };
    expect(closedAdvisories(told, "debian:12", update).vouched).toEqual(vouched);
  });

  it("is bounded, and takes no text for an id that is none", () => {
    const upstream = Array.from({ length: 9000 }, (_, at) => `CVE-2024-${10_000 + at}`);
    expect(closedBy(record("DSA-1-1", "3.0.10-1", { upstream })).ids).toHaveLength(200);
    const odd = ["CVE-2024-0001\u001b[31m", "__proto__", `CVE-2024-${"9".repeat(400)}`];
    expect(closedBy(record("TEMP-1", "3.0.10-1", { upstream: odd })).ids).toEqual(["TEMP-1"]);
  });
});

describe("knownIds", () => {
  it.each([
    ["CVE-2024-0001", ["GHSA-a"], ["CVE-2024-0001"]],
    ["GHSA-a", ["CVE-2024-0001"], ["CVE-2024-0001"]],
    ["DLA-12-1", [], ["DLA-12-1"]],
    ["GHSA-a", ["PYSEC-1"], ["GHSA-a"]],
  ])("%s, also %j: %j", (id, aliases, ids) => expect(knownIds({ id, aliases, upstream: [] })).toEqual(ids));
});
