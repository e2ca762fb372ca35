import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { FollowRule } from "./follow-rule.ts";
import { checkFollowRule } from "./follow-rule.ts";
import { selectTag } from "./select-tag.ts";

const now = Date.UTC(2026, 5, 1);
const chosen = (rule: FollowRule, tags: readonly string[]): string => {
  const found = selectTag(rule, tags, now);
  return found.kind === "selected" ? found.tag : found.kind;
};

describe("selectTag", () => {
  const node = [
    "20",
    "20.1",
    "20.1.0",
    "20.11.1",
    "20.9.3",
    "v20.12.0",
    "20.11.1-slim",
    "21.0.0-rc.1",
    "22.0.0",
    "latest",
    "20240523",
  ];
  it.each<[string, FollowRule, readonly string[], string]>([
    ["a tag", { kind: "tag", tag: "12" }, [], "12"],
    ["a tag that is none", { kind: "tag", tag: "no tag" }, [], "refused"],
    ["semver in a range", { kind: "semver", range: "^20.9" }, node, "v20.12.0"],
    ["semver with its suffix", { kind: "semver", range: "20.x", suffix: "-slim" }, node, "20.11.1-slim"],
    ["semver without pre-releases", { kind: "semver", range: "<22" }, node, "v20.12.0"],
    ["semver with pre-releases", { kind: "semver", range: "<22", prerelease: true }, node, "21.0.0-rc.1"],
    ["semver, where a date is no version", { kind: "semver", range: "*" }, node, "22.0.0"],
    ["semver of two numbers", { kind: "semver", range: "16.x" }, ["16", "16.2", "16.10", "17.0"], "16.10"],
    ["semver in two spellings", { kind: "semver", range: "1.x" }, ["v1.2.3", "1.2.3"], "1.2.3"],
    ["semver out of range", { kind: "semver", range: "^99" }, node, "none"],
    ["a range that is none", { kind: "semver", range: "newest" }, node, "refused"],
    [
      "distro: the same suffix",
      { kind: "distro", like: "1.2.3-bookworm" },
      ["1.2.9-trixie", "1.2.4-bookworm", "1.2.10-bookworm", "1.3.0-bookworm"],
      "1.2.10-bookworm",
    ],
    [
      "distro: the same release",
      { kind: "distro", like: "3.19.1" },
      ["3.19.1", "3.19.9", "3.20.0", "3.19", "3.19.10-rc"],
      "3.19.9",
    ],
    ["distro: a series", { kind: "distro", like: "3.19.1", series: "3" }, ["3.19.9", "3.20.0", "4.0.0"], "3.20.0"],
    [
      "distro: any series",
      { kind: "distro", like: "12.5-slim", series: "*" },
      ["12.6-slim", "13.0-slim", "14.0"],
      "13.0-slim",
    ],
    [
      "distro: slim",
      { kind: "distro", like: "12.5-slim" },
      ["12.5-slim", "12.11-slim", "12.12", "13.0-slim"],
      "12.11-slim",
    ],
    ["distro without a number", { kind: "distro", like: "latest" }, node, "refused"],
    ["distro of a longer series", { kind: "distro", like: "12-slim", series: "12.5" }, node, "refused"],
    [
      "a date",
      { kind: "date", format: "YYYYMMDD" },
      ["20240523", "20260101", "20260230", "2026", "20269999"],
      "20260101",
    ],
    ["a month", { kind: "date", format: "YYYY.MM" }, ["2024.05", "2026.01", "2026.13"], "2026.01"],
    [
      "a date in a tag",
      { kind: "date", format: "bookworm-YYYYMMDD-slim" },
      ["bookworm-20250101-slim", "trixie-20260101-slim"],
      "bookworm-20250101-slim",
    ],
    [
      "a date with a counter",
      { kind: "date", format: "YYYYMMDD.#" },
      ["20260101.9", "20260101.10", "20260101"],
      "20260101.10",
    ],
    [
      "a date that has not come",
      { kind: "date", format: "YYYYMMDD" },
      ["20260501", "99991231", "20260604"],
      "20260501",
    ],
    ["a date of today elsewhere", { kind: "date", format: "YYYYMMDD" }, ["20260501", "20260602"], "20260602"],
    ["a format without a year", { kind: "date", format: "MMDD" }, [], "refused"],
    ["a format with odd characters", { kind: "date", format: "YYYY/MM" }, [], "refused"],
    [
      "groups",
      {
        kind: "regex",
        pattern: "(?<v>\\d+\\.\\d+)-r(?<r>\\d+)",
        order: [
          { group: "v", by: "semver" },
          { group: "r", by: "numeric" },
        ],
      },
      ["1.9-r3", "1.10-r2", "1.10-r11", "1.10-rx"],
      "1.10-r11",
    ],
    [
      "groups by letters",
      { kind: "regex", pattern: "(?<name>[a-z]+)", order: [{ group: "name", by: "alphabetic" }] },
      ["jammy", "noble", "focal", "N"],
      "noble",
    ],
    [
      "a group that is left out",
      { kind: "regex", pattern: "1(?:\\.(?<p>\\d+))?", order: [{ group: "p", by: "numeric" }] },
      ["1", "1.0"],
      "1.0",
    ],
    [
      "groups that are none",
      { kind: "regex", pattern: "(?<v>.*)", order: [{ group: "w", by: "numeric" }] },
      [],
      "refused",
    ],
    ["a digest", { kind: "digest", digest: `sha256:${"0".repeat(64)}`, tag: "12" }, [], "12"],
  ])("%s", (_, rule, tags, tag) => {
    expect(chosen(rule, tags)).toBe(tag);
    expect(chosen(rule, tags.toReversed())).toBe(tag);
    expect(checkFollowRule(rule) === undefined).toBe(tag !== "refused");
  });

  it("gives the reason", () => {
    expect(selectTag({ kind: "distro", like: "3.19.1" }, ["3.19.1", "3.19.2"], now)).toMatchObject({
      reason: "3.19.2 is the newest of 2 that fit 3.19.*",
    });
    expect(selectTag({ kind: "regex", pattern: "(?=x)", order: [] }, [], now)).toMatchObject({
      reason: expect.stringContaining("look-around"),
    });
  });
});

describe("hostile tags", () => {
  const many = Array.from({ length: 60_000 }, (_, n) => `${n % 97}.${n % 89}.${n}`);
  const long = Array.from({ length: 20_000 }, (_, n) => `${String(n)}${"a.".repeat(70)}`.slice(0, 128));
  const odd = [
    "",
    " ",
    "\u0000",
    "../../etc",
    "é1.2.3",
    "1.2.3\n",
    "1".repeat(129),
    "-1.2.3",
    "1.2.3‮",
    "constructor",
    "__proto__",
  ];
  const rules: readonly FollowRule[] = [
    { kind: "semver", range: "*" },
    { kind: "distro", like: "1.2.3", series: "*" },
    { kind: "date", format: "YYYYMMDD" },
    { kind: "regex", pattern: "(?<v>(?:\\d+\\.)+\\d+)", order: [{ group: "v", by: "semver" }] },
    { kind: "regex", pattern: "(?:(?:a|aa|\\d|\\.)+)+(?<v>x)", order: [{ group: "v", by: "alphabetic" }] },
    { kind: "regex", pattern: "(?<v>.*)(?:a?){50}b", order: [{ group: "v", by: "alphabetic" }] },
  ];

  it.each(rules)("keep nobody waiting: %j", (rule) => {
    const began = performance.now();
    const found = selectTag(rule, [...many, ...long, ...odd], now);
    expect(performance.now() - began).toBeLessThan(2000);
    if (found.kind === "selected") expect(many).toContain(found.tag);
    else expect(found.reason).not.toBe("");
  });

  it("and hostile rules give a reason, and throw nothing", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom("1.2.3", "YYYY", "^1 || *", "(?<v>.*)"),
    );
    const by = fc.constantFrom("numeric" as const, "semver" as const, "alphabetic" as const);
    const rule: fc.Arbitrary<FollowRule> = fc.oneof(
      fc.record({ kind: fc.constant("tag" as const), tag: text }),
      fc.record({ kind: fc.constant("semver" as const), range: text, suffix: text, prerelease: fc.boolean() }),
      fc.record({ kind: fc.constant("distro" as const), like: text, series: text }),
      fc.record({ kind: fc.constant("date" as const), format: text }),
      fc.record({
        kind: fc.constant("regex" as const),
        pattern: text,
        order: fc.array(fc.record({ group: text, by })),
      }),
    );
    fc.assert(
      fc.property(rule, fc.array(text), (one, tags) => {
        expect(selectTag(one, tags, now).reason.length).toBeGreaterThan(0);
        checkFollowRule(one);
      }),
      { numRuns: 2000 },
    );
  });

  it("are never selected where they are no tags", () => {
    for (const rule of rules) expect(selectTag(rule, odd, now)).toMatchObject({ kind: "none" });
  });

  it("with numbers beyond all reason are no versions", () => {
    const huge = ["1.0.0", `${"9".repeat(30)}.0.0`, "1.9999999999999999.0"];
    expect(chosen({ kind: "semver", range: "*" }, huge)).toBe("1.0.0");
    expect(chosen({ kind: "distro", like: "1.0.0", series: "*" }, huge)).toBe("1.0.0");
  });
});
