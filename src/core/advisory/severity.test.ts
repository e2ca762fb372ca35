import { describe, expect, it } from "vitest";
import { baseScore, type CvssType } from "./cvss.ts";
import {
  byDatabase,
  byDistro,
  isCriticalByRating,
  isCriticalByWord,
  parseRatings,
  severityOfRatings,
  worseOf,
  type Rating,
} from "./severity.ts";

describe("baseScore", () => {
  // Vectors and scores from FIRST's "CVSS v3.1 Examples", "CVSS v4.0 Examples" and "A Complete Guide to CVSS 2.0", 3.3.
  it.each<[CvssType, string, number]>([
    ["CVSS_V2", "AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8],
    ["CVSS_V2", "AV:N/AC:L/Au:N/C:C/I:C/A:C", 10],
    ["CVSS_V2", "AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8],
    ["CVSS_V3", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", 9.6],
    ["CVSS_V3", "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0],
    ["CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 10],
    ["CVSS_V4", "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3],
    ["CVSS_V4", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0],
  ])("of %s %s is %d", (type, vector, score) => expect(baseScore(type, vector)).toBe(score));

  it.each<[CvssType, string]>([
    ["CVSS_V3", ""],
    ["CVSS_V3", "9.8"],
    ["CVSS_V3", "AV:N/AC:L/Au:N/C:C/I:C/A:C"],
    ["CVSS_V2", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"],
    ["CVSS_V3", "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H"],
    ["CVSS_V4", "CVSS:4.0/AV:N"],
    ["CVSS_V2", "AV:N"],
    ["CVSS_V2", "AV:N/"],
    ["CVSS_V3", "CVSS:3.1/AV:N"],
    ["CVSS_V3", "CVSS:3.1/AV:__proto__/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"],
    ["CVSS_V3", "CVSS:3.1/AV:N/AC:L/PR:constructor/UI:N/S:C/C:H/I:H/A:H"],
    ["CVSS_V3", `CVSS:3.1/${"AV:N/".repeat(100_000)}`],
    ["CVSS_V2", "C:P/".repeat(100_000)],
  ])("says nothing of what is no %s vector (%#)", (type, vector) => expect(baseScore(type, vector)).toBeUndefined());
});

const nine: Rating = { type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" };
const seven: Rating = { type: "CVSS_V4", score: "CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N" };
const ten: Rating = { type: "CVSS_V2", score: "AV:N/AC:L/Au:N/C:C/I:C/A:C" };

describe("severity", () => {
  it.each<[string, readonly Rating[], object | undefined]>([
    ["nothing", [], undefined],
    ["CVSS 2, which knows no critical", [ten], { level: "high", score: 10, by: "cvss" }],
    ["CVSS 3 before 2", [ten, nine], { level: "critical", score: 9.8 }],
    ["CVSS 4 before 3", [nine, seven, ten], { level: "high", score: 7.3 }],
    ["the distribution before any", [nine, { type: "Ubuntu", score: "low" }], { level: "low", by: "distro" }],
    ["a vector that lacks a metric", [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N" }], undefined],
  ])("is by %s", (_, ratings, expected) => {
    const found = severityOfRatings(ratings);
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatchObject(expected);
    expect(severityOfRatings([...ratings].reverse())).toEqual(found);
  });

  it.each([
    ["unimportant", "none"],
    ["low**", "low"],
    ["MODERATE", "medium"],
    ["Important", "high"],
    ["Critical", "critical"],
    ["not yet assigned", undefined],
    ["end-of-life", undefined],
    [7, undefined],
    ["x".repeat(1_000_000), undefined],
  ])("by the word %s is %s", (word, level) => {
    expect(byDistro(word)?.level).toBe(level);
    expect(byDatabase(word)?.level).toBe(level);
  });

  it("counts a database's word last", () => {
    const low = severityOfRatings([{ type: "CVSS_V2", score: "AV:L/AC:H/Au:N/C:C/I:C/A:C" }]);
    expect(worseOf(byDatabase("CRITICAL"), low)).toBe(low);
    expect(worseOf(low, byDistro("low"))).toMatchObject({ by: "distro" });
  });
});

describe("parseRatings", () => {
  it.each([
    [undefined, 0],
    [null, 0],
    [[nine, ten], 2],
    [Array.from({ length: 100 }, () => nine), 20],
  ])("reads %#", (value, length) => expect(parseRatings(value)).toHaveLength(length));

  it.each([
    { 0: nine },
    [null],
    [1e308],
    [{ type: "CVSS_V9", score: "x" }],
    [{ type: "constructor", score: "x" }],
    [{ type: "CVSS_V3", score: 10 }],
    [{ type: "CVSS_V3", score: "CVSS:3.1/AV:Q" }],
    [{ type: "CVSS_V2", score: nine.score }],
    [{ type: "Ubuntu", score: "awful" }],
  ])("refuses %j", (value) => expect(parseRatings(value)).toBeTypeOf("string"));
});

describe("what is critical", () => {
  it.each<[readonly Rating[], boolean]>([
    [[nine], true],
    [[seven, { type: "Ubuntu", score: "low" }, nine], true],
    [[ten], true],
    [[seven], false],
    [[{ type: "Ubuntu", score: "critical" }], true],
    [[], false],
  ])("by score: %j", (ratings, expected) => expect(isCriticalByRating(ratings)).toBe(expected));

  it.each<[unknown, boolean]>([
    ["CRITICAL", true],
    ["high", true],
    ["high**", true],
    ["medium", false],
    ["not yet assigned", false],
    ["HIGH", false],
    [5, false],
    [null, false],
  ])("by word: %j", (word, expected) => expect(isCriticalByWord(word)).toBe(expected));
});
