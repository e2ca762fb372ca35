import { describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { parseOsvRecord } from "./osv.ts";
import { absent, readOsvTexts } from "./testdata/read-osv.ts";
import { madeAdvisory } from "./testdata/made.ts";

const events = [{ introduced: "0" }, { fixed: "2" }];
function affected(more: object = {}, range: object = {}): object {
  const ranges = [{ type: "ECOSYSTEM", events, ...range }];
  return { package: { ecosystem: "Debian:12", name: "openssl" }, ranges, ...more };
}
function record(more: object = {}): object {
  return { id: "CVE-2024-0001", modified: "2024-01-01T00:00:00Z", affected: [affected()], ...more };
}
function problem(value: unknown): string | undefined {
  const parsed = parseOsvRecord(value);
  return parsed.kind === "bad" ? parsed.problem : undefined;
}

describe("parseOsvRecord", () => {
  it("has all that is matched, under normalised names", () => {
    const advisory = madeAdvisory({
      id: "GHSA-aaaa-bbbb-cccc",
      modified: "2024-01-02T03:04:05.678901Z",
      published: "2024-01-01T00:00:00Z",
      aliases: ["CVE-2024-0001"],
      summary: "x".repeat(400),
      severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
      database_specific: { severity: "LOW" },
      affected: [
        {
          package: { ecosystem: "PyPI", name: "Foo.Bar" },
          ranges: [
            { type: "GIT", repo: "https://git.example", events: [{ introduced: "0" }] },
            { type: "ECOSYSTEM", events: [{ fixed: "1.2" }, { introduced: "1.0" }] },
          ],
          versions: ["0.9"],
        },
        { package: { ecosystem: "npm", name: "foo" }, ranges: [{ type: "SEMVER", events }] },
      ],
    });
    expect(advisory).toMatchObject({
      id: "GHSA-aaaa-bbbb-cccc",
      aliases: ["CVE-2024-0001"],
      published: Date.parse("2024-01-01T00:00:00Z"),
      modified: Date.parse("2024-01-02T03:04:05.678Z"),
      severity: { level: "critical", by: "cvss", score: 9.8 },
    });
    expect(advisory.summary).toHaveLength(300);
    expect(advisory.affected).toMatchObject([
      { ecosystem: "pypi", name: "foo-bar", ranges: [{ introduced: "1.0", fixed: "1.2" }], versions: ["0.9"] },
      { ecosystem: "npm", name: "foo", ranges: [{ introduced: "0", fixed: "2" }] },
    ]);
  });

  it("knows malice by its id", () => {
    expect(madeAdvisory({ id: "MAL-2024-1" }).malicious).toBe(true);
    expect(madeAdvisory({ id: "CVE-2024-0001" }).malicious).toBeUndefined();
  });

  it("takes only what is asked for, and everything where nothing is", () => {
    const value = record({ affected: [affected(), affected({ package: { ecosystem: "npm", name: "a" } })] });
    const of = (wanted?: Set<string>) => {
      const parsed = parseOsvRecord(value, wanted);
      return parsed.kind === "advisory" ? parsed.advisory.affected.map(({ ecosystem }) => ecosystem) : [];
    };
    expect(of()).toEqual(["debian:12", "npm"]);
    expect(of(new Set(["npm"]))).toEqual(["npm"]);
  });

  it.each([
    [{ ecosystem_specific: { urgency: "low" } }, { level: "low", by: "distro" }],
    [{ ecosystem_specific: { urgency: "unimportant" } }, { level: "none", by: "distro" }],
    [{ ecosystem_specific: { urgency: "not yet assigned" } }, undefined],
    [{ database_specific: { severity: "HIGH" } }, { level: "high", by: "database" }],
    [{ severity: [{ type: "Ubuntu", score: "medium" }] }, { level: "medium", by: "distro" }],
    [{ ecosystem_specific: [5], database_specific: "x" }, undefined],
  ])("reads how bad it is for one package: %j", (more, severity) => {
    const [row] = madeAdvisory(record({ affected: [affected(more)] })).affected;
    expect(row?.severity).toEqual(severity);
  });

  it("keeps the end of life that a distribution tells, and the words of announcements", () => {
    const [row] = madeAdvisory(
      record({ affected: [affected({ ecosystem_specific: { urgency: "end-of-life" } })] }),
    ).affected;
    expect(row?.judgement).toBe("end-of-life");
    const told = {
      id: "ALSA-2024:0001",
      summary: "Important: openssl security update",
      related: ["CVE-2024-0001", "x"],
    };
    expect(madeAdvisory(record(told))).toMatchObject({
      severity: { level: "high", by: "distro" },
      upstream: ["CVE-2024-0001"],
    });
  });

  it("has SUSE's binary packages, which are what is installed, each with its own cure", () => {
    const suse = affected({
      package: { ecosystem: "openSUSE:Leap 15.5", name: "openssl-1_1" },
      ecosystem_specific: { binaries: [{ libopenssl1_1: "1.1-2", "openssl-1_1": "1.1-2", bad: 5 }, null, "x"] },
    });
    expect(madeAdvisory(record({ affected: [suse] })).affected).toMatchObject([
      { ecosystem: "opensuse:leap 15.5", name: "libopenssl1_1", ranges: [{ introduced: "0", fixed: "1.1-2" }] },
      { ecosystem: "opensuse:leap 15.5", name: "openssl-1_1", ranges: [{ introduced: "0", fixed: "1.1-2" }] },
    ]);
  });

  it("knows the module stream that an announcement is about", () => {
    const fixed = [{ introduced: "0" }, { fixed: "1:14.18.2-2.module_el8.5.0+2618" }];
    const of = (summary: string, range: object) =>
      madeAdvisory(record({ id: "ALSA-2022:0350", summary, affected: [affected({}, range)] })).affected[0]?.module;
    expect(of("Moderate: nodejs:14 security, bug fix, and enhancement update", { events: fixed })).toBe("nodejs:14");
    expect(of("Moderate: nodejs:14 security update", {})).toBeUndefined();
    expect(of("Moderate: openssl security update", { events: fixed })).toBeUndefined();
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["null", null],
    ["a list", [record()]],
    ["a number", 1e308],
    ["no id", record({ id: undefined })],
    ["an id that is a path", record({ id: "../../etc/passwd" })],
    ["an id of control characters", record({ id: "CVE\u0000" })],
    ["a long id", record({ id: "C".repeat(129) })],
    ["no modified", record({ modified: undefined })],
    ["a time without zone", record({ modified: "2024-01-01T00:00:00" })],
    ["a time of another zone", record({ modified: "2024-01-01T00:00:00+01:00" })],
    ["a day that is none", record({ modified: "2024-99-01T00:00:00Z" })],
    ["a number for a time", record({ withdrawn: 5 })],
    ["withdrawn at no time", record({ withdrawn: "yesterday" })],
    ["aliases that are no list", record({ aliases: "CVE-2024-0001" })],
    ["an alias that is no text", record({ aliases: [5] })],
    ["an empty alias", record({ aliases: [""] })],
    ["too many aliases", record({ aliases: Array.from({ length: 10_001 }, () => "x") })],
    ["a summary that is an object", record({ summary: {} })],
    ["a huge summary", record({ summary: "x".repeat(65_537) })],
    ["affected that is no list", record({ affected: { 0: affected() } })],
    ["an affected that is none", record({ affected: [null] })],
    ["a package that is none", record({ affected: [affected({ package: "openssl" })] })],
    ["a package without ecosystem", record({ affected: [affected({ package: { name: "a" } })] })],
    ["a package without name", record({ affected: [affected({ package: { ecosystem: "npm", name: "" } })] })],
    ["a huge name", record({ affected: [affected({ package: { ecosystem: "npm", name: "x".repeat(513) } })] })],
    ["versions that are none", record({ affected: [affected({ versions: [1] })] })],
    ["too many versions", record({ affected: [affected({ versions: Array.from({ length: 100_001 }, () => "1") })] })],
    ["ranges that are none", record({ affected: [affected({ ranges: [[]] })] })],
    ["a range of no kind", record({ affected: [affected({}, { type: "GUESS" })] })],
    ["a range without events", record({ affected: [affected({}, { events: [] })] })],
    ["a range in which nothing begins", record({ affected: [affected({}, { events: [{ fixed: "1" }] })] })],
    ["an event without meaning", record({ affected: [affected({}, { events: [{ introduced: "0" }, {}] })] })],
    ["an event of two", record({ affected: [affected({}, { events: [{ introduced: "0", fixed: "1" }] })] })],
    ["a version that is a number", record({ affected: [affected({}, { events: [{ introduced: 0 }] })] })],
    [
      "an end that is told twice",
      record({ affected: [affected({}, { events: [...events, { last_affected: "1" }] })] }),
    ],
    ["commits of no repository", record({ affected: [affected({}, { type: "GIT", events: [{ introduced: "0" }] })] })],
    [
      "half a commit",
      record({ affected: [affected({}, { type: "GIT", repo: "x", events: [{ introduced: "abc" }] })] }),
    ],
    ["a severity that is none", record({ severity: [{ type: "CVSS_V3", score: "9.8" }] })],
    ["a severity of one package that is none", record({ affected: [affected({ severity: [{ type: "x" }] })] })],
  ])("sets %s aside, and says where", (_, value) => expect(problem(value)).toMatch(/^[a-z_[\].]*: [^ ].*/));

  it("takes what the schema lets be missing or null, and fields that it does not know", () => {
    const empty = { aliases: null, affected: null, severity: null, withdrawn: null, published: null };
    expect(problem(record(empty))).toBeUndefined();
    expect(problem(record({ new_field: { deep: [1] }, id: "NEW-2030-1", details: 5 }))).toBeUndefined();
    expect(problem(record({ affected: [{}, { package: { ecosystem: "Brand New:1", name: "a" } }] }))).toBeUndefined();
    const proto = JSON.parse(
      '{"__proto__":{"id":"x"},"id":"CVE-2024-0001","modified":"2024-01-01T00:00:00Z"}',
    ) as unknown;
    expect(problem(proto)).toBeUndefined();
  });

  it("is not deeper than what it reads, however deep a record is", () => {
    const deep = JSON.parse(`${"[".repeat(5000)}${"]".repeat(5000)}`) as unknown;
    expect(problem(record({ affected: deep }))).toBeDefined();
    expect(problem(record({ database_specific: deep, details: deep }))).toBeUndefined();
  });

  needs(absent)("sets aside the eight of 16,662 real records that break the published schema, and no other", () => {
    const feeds = ["Go", "PyPI", "crates.io", "npm", "Debian", "Alpine", "AlmaLinux", "Ubuntu"];
    const parsed = feeds.flatMap(readOsvTexts).map((text) => parseOsvRecord(JSON.parse(text)));
    expect(parsed).toHaveLength(16_662);
    expect(
      parsed.flatMap((one) => (one.kind === "bad" ? [one.id ?? ""] : [])).toSorted((a, b) => (a < b ? -1 : 1)),
    ).toEqual([
      "PYSEC-2017-27",
      "PYSEC-2019-155",
      "PYSEC-2021-371",
      "PYSEC-2021-424",
      "PYSEC-2021-425",
      "PYSEC-2021-436",
      "PYSEC-2023-80",
      "x_NSWG-ECO-504",
    ]);
  });
});
