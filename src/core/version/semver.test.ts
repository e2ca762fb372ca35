import { describe, expect, it } from "vitest";
import { compareSemver, isInRange, parseSemver, parseSemverRange } from "./semver.ts";

const parse = (text: string) => {
  const version = parseSemver(text);
  if (version === undefined) throw new Error(`${text} is no version`);
  return version;
};

describe("compareSemver", () => {
  it.each([
    ["1.0.0", "=", "v1"],
    ["1.10.0", ">", "1.9.9"],
    ["1.0.0-alpha", "<", "1.0.0-alpha.1"],
    ["1.0.0-alpha.1", "<", "1.0.0-alpha.beta"],
    ["1.0.0-beta.2", "<", "1.0.0-beta.11"],
    ["1.0.0-rc.1", "<", "1.0.0"],
    ["1.0.0-99999999999999999999", "<", "1.0.0-100000000000000000000"],
  ])("%s %s %s", (a, op, b) => {
    expect(Math.sign(compareSemver(parse(a), parse(b)))).toBe({ "<": -1, "=": 0, ">": 1 }[op]);
  });
});

describe("a range", () => {
  it.each([
    ["^1.2.3", "1.9.0", true],
    ["^1.2.3", "2.0.0", false],
    ["^0.2.3", "0.3.0", false],
    ["^0.0.3", "0.0.4", false],
    ["~1.2", "1.2.9", true],
    ["~1.2", "1.3.0", false],
    ["~1", "1.9.0", true],
    ["1.x", "1.0.0", true],
    ["1.2", "1.2.7", true],
    ["1.2 - 1.4", "1.4.9", true],
    ["1.2 - 1.4", "1.5.0", false],
    [">=1.2 <2", "1.99.0", true],
    [">= 1.2 < 2", "2.0.0", false],
    [">1", "1.5.0", false],
    ["<=1", "1.5.0", true],
    ["1.x || >=3", "3.1.0", true],
    ["*", "0.0.1", true],
    ["*", "1.0.0-rc.1", false],
    ["^1.2.3-rc.1", "1.2.3-rc.2", true],
    ["^1.2.3-rc.1", "1.2.4-rc.2", false],
    ["<2", "2.0.0-rc.1", false],
  ])("%s has %s: %s", (range, version, expected) => {
    const parsed = parseSemverRange(range);
    expect(parsed && isInRange(parse(version), parsed)).toBe(expected);
  });

  it.each(["newest", "1.2.3.4", "1..2", "> >", "^", "1.2 -", "a || b", "x".repeat(300), "1 ".repeat(100)])(
    "is not %j",
    (text) => expect(parseSemverRange(text)).toBeUndefined(),
  );
});
