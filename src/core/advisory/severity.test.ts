import { describe, expect, it } from "vitest";
import { cvssBaseScore } from "./cvss.ts";
import { isCriticalByWord, isCriticalScore } from "./severity.ts";

describe("cvssBaseScore", () => {
  // Vectors and scores from FIRST's "CVSS v3.1 Examples".
  it.each([
    ["CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4],
    ["CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1],
    ["CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8],
    ["CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5],
    ["CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:H/I:H/A:H", 9.6],
    ["CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0],
  ])("%s is %d", (vector, score) => expect(cvssBaseScore(vector)).toBe(score));

  it.each([
    "",
    "9.8",
    "AV:N/AC:L/Au:N/C:C/I:C/A:C",
    "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H",
    "CVSS:3.1/AV:N",
    "CVSS:3.1/AV:__proto__/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    "CVSS:3.1/AV:N/AC:L/PR:constructor/UI:N/S:C/C:H/I:H/A:H",
    `CVSS:3.1/${"AV:N/".repeat(100_000)}`,
  ])("says nothing of what is no such vector (%#)", (vector) => expect(cvssBaseScore(vector)).toBeUndefined());
});

describe("what is critical", () => {
  const nine = { type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" };
  it.each<[unknown, boolean]>([
    [[nine], true],
    [[{ type: "CVSS_V2", score: nine.score }, nine], true],
    [[{ ...nine, score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N" }], false],
    [[{ type: "CVSS_V3", score: 10 }, null, 1e308], false],
    [{ 0: nine }, false],
    [undefined, false],
  ])("by score: %j", (severity, expected) => expect(isCriticalScore(severity)).toBe(expected));

  it.each<[unknown, boolean]>([
    [{ severity: "CRITICAL" }, true],
    [{ urgency: "high" }, true],
    [{ urgency: "high**" }, true],
    [{ urgency: "medium" }, false],
    [{ urgency: "not yet assigned" }, false],
    [{ severity: "HIGH" }, false],
    [{ urgency: 5 }, false],
    [null, false],
  ])("by word: %j", (specific, expected) => expect(isCriticalByWord(specific)).toBe(expected));
});
