import { describe, expect, it } from "vitest";
import data from "./end-of-life.json" with { type: "json" };
import { describeSupport, endOfLife, endOfLifeSource, runtimeEndOfLife } from "./end-of-life.ts";

const at = (day: string) => Date.parse(day);
const os = (id: string, versionId?: string) => ({ id, versionId, codename: undefined, prettyName: undefined });

describe("endOfLife", () => {
  it.each([
    ["debian", "12", "2026-07-11", "supported", "2026-07-12", "13"],
    ["debian", "12.9", "2026-07-12", "security-only", "2028-07-01", "13"],
    ["debian", "11", "2026-09-01", "ended", "2026-09-01", "13"],
    ["ubuntu", "22.04", "2026-11-25", "supported", "2027-04-02", "26.04"],
    ["ubuntu", "18.04", "2026-11-25", "ended", "2023-06-01", "26.04"],
    ["alpine", "3.20.3", "2026-11-25", "ended", "2026-04-02", "3.24"],
    ["alpine", "3.24.0", "2026-11-25", "supported", "2028-06-02", undefined],
    ["rhel", "9.4", "2026-11-25", "supported", "2027-06-01", "10"],
    ["rhel", "8.10", "2026-11-25", "security-only", "2029-06-01", "10"],
    ["rocky", "8.9", "2026-11-25", "security-only", "2029-06-01", "10"],
    ["almalinux", "10.0", "2026-11-25", "supported", "2030-06-01", undefined],
    ["centos", "7", "2026-11-25", "ended", "2024-07-01", "10"],
    ["ol", "7.9", "2026-11-25", "ended", "2025-01-01", "9"],
    ["fedora", "42", "2026-11-25", "ended", "2026-05-28", "44"],
    ["amzn", "2", "2026-11-25", "ended", "2026-07-01", "2023"],
    ["amzn", "2018.03", "2026-11-25", "ended", "2024-01-01", "2023"],
    ["sles", "15.7", "2026-11-25", "supported", "2031-08-01", "16.0"],
    ["sles", "15", "2026-11-25", "ended", "2020-01-01", "16.0"],
    ["opensuse-leap", "15.6", "2026-11-25", "ended", "2026-05-01", "16.0"],
  ])("%s %s on %s is %s, %s; then %s", (id, version, day, kind, date, successor) => {
    const support = endOfLife(os(id, version), at(day));
    expect(support).toMatchObject({ kind, [kind === "ended" ? "since" : "until"]: at(date) });
    expect("successor" in support ? support.successor?.version : undefined).toBe(successor);
  });

  it.each([
    [undefined, "no os-release"],
    [os("debian"), "names no release"],
    [os("debian", "99"), "no dates are known"],
    [os("debian", "trixie/sid"), "no dates are known"],
    [os("alpine", "3.23.0_alpha20250612"), "no dates are known"],
    [os("fedora", "99"), "no dates are known"],
    [os("ol", "10.0"), "no end of Oracle Linux 10 was announced"],
    [os("templeos", "5.03"), "no dates are known"],
    [os("\u001b[31m", "1"), "no dates are known for \\u{1b}[31m"],
    [os("constructor", "1"), "no dates are known"],
    [os("debian", "1".repeat(100_000)), "no dates are known"],
  ])("does not know %j", (release, reason) => {
    expect(endOfLife(release, at("2026-11-25"))).toMatchObject({
      kind: "unknown",
      reason: expect.stringContaining(reason),
    });
  });

  it.each(["wolfi", "chainguard", "arch", "opensuse-tumbleweed"])("%s has no end", (id) => {
    expect(endOfLife(os(id, "20230201"), at("2026-11-25"))).toMatchObject({ kind: "rolling" });
  });

  it("names the successor's codename, and none that is not out", () => {
    expect(endOfLife(os("debian", "11"), at("2025-01-01"))).toMatchObject({ successor: { codename: "bookworm" } });
  });
});

describe("describeSupport", () => {
  it.each([
    ["12", "2026-01-01", "Debian 12 (bookworm) is supported until 2026-07-11"],
    ["12", "2027-01-01", "Debian 12 (bookworm) has security support only, until 2028-06-30"],
    ["10", "2027-01-01", "Debian 10 (buster) is not supported any more since 2024-07-01"],
    ["99", "2027-01-01", "support is unknown: no dates are known for Debian 99"],
  ])("Debian %s on %s: %s", (version, day, text) => {
    expect(describeSupport(endOfLife(os("debian", version), at(day)))).toBe(text);
  });

  it("says that what rolls has no end", () => {
    expect(describeSupport(endOfLife(os("wolfi", "1"), 0))).toBe("Wolfi has no releases that end");
  });
});

describe("runtimeEndOfLife", () => {
  it("reads what the environment names", () => {
    const env = [
      "PATH=/bin",
      "NODE_VERSION=20.11.1",
      "PYTHON_VERSION=3.13.0rc1",
      "PHP_VERSION=8.4.1",
      "NODE_VERSIONS=1",
    ];
    expect(runtimeEndOfLife(env, at("2026-11-25"))).toMatchObject([
      { kind: "ended", release: { product: "Node.js", version: "20" }, successor: { version: "26" } },
      { kind: "unknown" },
      { kind: "supported", until: at("2027-01-01") },
    ]);
    expect(runtimeEndOfLife([], 0)).toEqual([]);
  });

  it("moves to what is kept for long", () => {
    expect(runtimeEndOfLife(["NODE_VERSION=20.1.0"], at("2026-10-01"))).toMatchObject([
      { successor: { version: "24" } },
    ]);
  });
});

describe("the data", () => {
  it("says where it is from", () =>
    expect(endOfLifeSource).toMatchObject({ name: "endoflife.date", retrieved: "2026-08-22" }));

  it("has dates, in order, and each release once", () => {
    for (const { name, releases, rolling } of data.products) {
      expect(rolling || releases.length > 0, name).toBe(true);
      expect(new Set(releases.map(({ version }) => version)).size).toBe(releases.length);
      for (const { version, released, ...ends } of releases as {
        version: string;
        released: string;
        full?: string;
        end?: string;
      }[]) {
        for (const date of [released, ends.full, ends.end].filter((each) => each !== undefined))
          expect(new Date(Date.parse(date)).toISOString().slice(0, 10), `${name} ${version}`).toBe(date);
        expect(
          released <= (ends.full ?? released) && (ends.full ?? "") <= (ends.end ?? "9"),
          `${name} ${version}`,
        ).toBe(true);
      }
    }
  });
});
