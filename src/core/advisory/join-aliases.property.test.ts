import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { joinAliases, type Vulnerability } from "./join-aliases.ts";
import type { Advisory } from "./types.ts";
import { cveOf } from "./vulnerability-ids.ts";

interface Said {
  readonly advisory: Advisory;
}
function made(id: string, aliases: readonly string[] = [], upstream: readonly string[] = []): Said {
  const times = { published: undefined, modified: undefined, withdrawn: undefined };
  return { advisory: { id, aliases, upstream, summary: "", affected: [], ...times } };
}
const plain = (found: readonly Vulnerability<Said>[]) =>
  found
    .map(({ id, aliases, said }) =>
      [id, ...aliases, "said by", ...said.map(({ advisory }) => advisory.id).sort()].join(" "),
    )
    .sort();
const names = (found: readonly Vulnerability<Said>[]) =>
  found.map(({ id, aliases }) => [id, ...aliases].join(" ")).sort();

describe("joinAliases", () => {
  it.each<[string, Said[], string[]]>([
    [
      "records of one vulnerability",
      [made("PYSEC-2024-1", ["GHSA-a"]), made("GHSA-a", ["CVE-2024-0001"]), made("CVE-2024-0001")],
      ["CVE-2024-0001 GHSA-a PYSEC-2024-1"],
    ],
    ["records without a CVE, by the id that is known best", [made("GO-2024-1", ["GHSA-a"])], ["GHSA-a GO-2024-1"]],
    ["a record alone", [made("GMS-2022-20")], ["GMS-2022-20"]],
    ["malice before GitHub's word for it", [made("GHSA-a", ["MAL-2024-1"])], ["MAL-2024-1 GHSA-a"]],
    [
      "a distribution's own record of a CVE",
      [made("UBUNTU-CVE-2024-0001"), made("ALPINE-CVE-2024-0001", [], ["CVE-2024-0001"])],
      ["CVE-2024-0001 ALPINE-CVE-2024-0001 UBUNTU-CVE-2024-0001"],
    ],
    [
      "never two CVEs that one announcement closes",
      [
        made("DSA-1-1", [], ["CVE-2024-0001", "CVE-2024-0002"]),
        made("CVE-2024-0001"),
        made("GHSA-b", ["CVE-2024-0002"]),
      ],
      ["CVE-2024-0001 DSA-1-1", "CVE-2024-0002 DSA-1-1 GHSA-b"],
    ],
    [
      "nor two that one record has for aliases, and those that name it alone belong to both",
      [made("GHSA-a", ["CVE-2024-0001", "CVE-2024-0002"]), made("PYSEC-1", ["GHSA-a"])],
      ["CVE-2024-0001 GHSA-a PYSEC-1", "CVE-2024-0002 GHSA-a PYSEC-1"],
    ],
    [
      "a notice of other records by the CVEs that those stand for",
      [made("USN-1-1", [], ["UBUNTU-CVE-2024-0001", "CVE-2024-0001"])],
      ["CVE-2024-0001 USN-1-1"],
    ],
    [
      "what is upstream of one vulnerability",
      [made("CGA-a", [], ["CVE-2024-0001", "GHSA-a"])],
      ["CVE-2024-0001 CGA-a GHSA-a"],
    ],
    ["what is upstream of several is a name of none", [made("CGA-a", [], ["GHSA-a", "GHSA-b"])], ["CGA-a"]],
  ])("joins %s", (_, said, expected) => {
    expect(names(joinAliases(said))).toEqual(expected);
    expect(names(joinAliases([...said].reverse()))).toEqual(expected);
  });

  it("leaves a record of more than can be told apart one, with what it is about", () => {
    const upstream = Array.from({ length: 2001 }, (_, at) => `CVE-2024-${10_000 + at}`);
    const [one, ...others] = joinAliases([made("USN-1-1", [], upstream)]);
    expect([one?.id, one?.upstream.length, others.length]).toEqual(["USN-1-1", 2001, 0]);
  });

  const id = fc.oneof(
    fc.nat(5).map((at) => `CVE-2024-000${at}`),
    fc.nat(5).map((at) => `GHSA-${at}`),
    fc.nat(2).map((at) => `DEBIAN-CVE-2024-000${at}`),
    fc.constantFrom("DSA-1-1", "DSA-2-1", "PYSEC-1", "GO-1", "MAL-1", "__proto__", "constructor", ""),
  );
  const records = fc.array(
    fc.tuple(id, fc.array(id, { maxLength: 3 }), fc.array(id, { maxLength: 3 })).map((parts) => made(...parts)),
    { maxLength: 10 },
  );
  const runs = { numRuns: 5000 };

  it("does not care in which order records come", () => {
    fc.assert(
      fc.property(
        records.chain((some) => fc.tuple(fc.constant(some), fc.shuffledSubarray(some, { minLength: some.length }))),
        ([some, shuffled]) => {
          expect(plain(joinAliases(shuffled))).toEqual(plain(joinAliases(some)));
        },
      ),
      runs,
    );
  });

  it("changes nothing of what it joined", () => {
    fc.assert(
      fc.property(records, (some) => {
        const once = joinAliases(some);
        const again = joinAliases(once.map((one) => made(one.id, one.aliases, one.upstream)));
        expect(names(again)).toEqual(names(once));
      }),
      runs,
    );
  });

  it("loses no record, makes no vulnerability twice, and none of two CVEs", () => {
    fc.assert(
      fc.property(records, (some) => {
        const found = joinAliases(some);
        expect(new Set(found.flatMap(({ said }) => said))).toEqual(new Set(some));
        expect(new Set(found.map((one) => one.id)).size).toBe(found.length);
        for (const one of found) {
          const cves = new Set([one.id, ...one.aliases].flatMap((name) => cveOf(name) ?? []));
          expect(cves.size).toBeLessThanOrEqual(1);
          if (cves.size === 1) expect(cves).toContain(one.id);
          expect(one.aliases).not.toContain(one.id);
        }
      }),
      runs,
    );
  });
});
