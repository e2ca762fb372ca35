import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern } from "./linear-pattern.ts";
import { PatternError } from "./parse-pattern.ts";

const plenty = () => ({ steps: 10_000_000 });

describe("compilePattern", () => {
  it.each([
    ["(?<version>\\d+\\.\\d+)-alpine", "3.19-alpine", { version: "3.19" }],
    ["^v(?<major>\\d+)$", "v12", { major: "12" }],
    ["v(?<major>\\d+)", "v12-rc", undefined],
    ["(?<name>[a-z]+)-(?:slim|fat)?", "bookworm-", { name: "bookworm" }],
    ["(?<a>a|ab)(?<b>c|bcd)?", "abcd", { a: "a", b: "bcd" }],
    ["(?:(?<last>\\d)\\.)+", "1.2.3.", { last: "3" }],
    ["[^0-9]{2,3}\\w", "abc_", {}],
    ["[a\\]-]+", "a]-", {}],
    ["a{3}", "aa", undefined],
    ["", "", {}],
    ["\\$5", "$5", {}],
    ["(?:)*x", "x", {}],
  ])("%s on %s", (pattern, text, groups) => {
    const found = compilePattern(pattern).match(text, plenty());
    expect(found === undefined ? undefined : Object.fromEntries(found)).toEqual(groups);
  });

  it.each([
    ["(?=a)", "look-around"],
    ["(?<!a)b", "look-around"],
    ["(a)\\1", "not understood"],
    ["\\bx", "not understood"],
    ["(a", "not closed"],
    ["a)", "closes nothing"],
    ["[a", "not closed"],
    ["a**", "repeated"],
    ["a+?", "repeated"],
    ["*a", "repeated"],
    ["a^b", "anchored"],
    ["a{5,2}", "repetitions"],
    ["a{999}", "repetitions"],
    ["(?:a{100}){100}", "too large"],
    ["(?:(?:(?:a{99}){99}){99}){99}", "too large"],
    ["é", "no tag has"],
    ["(?<a>x)(?<a>y)", "two groups"],
    ["[z-a]", "backwards"],
    ["(".repeat(100), "nested"],
    ["x".repeat(300), "longer"],
  ])("refuses %s", (pattern, words) => expect(() => compilePattern(pattern)).toThrow(words));

  it.each(["(?:a+)+b", "(?:a|a)*b", "(?:a|aa)+b", "(?:a*)*b", "(?:\\w+\\.?)+x", "(?:.*a){12}"])(
    "is quick where %s is a catastrophe",
    (pattern) => {
      const compiled = compilePattern(pattern);
      const budget = { steps: 200_000 };
      expect(compiled.match("a".repeat(127) + "!", budget)).toBeUndefined();
      expect(budget.steps).toBeGreaterThan(0);
    },
  );

  it("stops where its budget is spent", () => {
    expect(() => compilePattern("(?:a|b)*c").match("ab".repeat(60), { steps: 100 })).toThrow(PatternError);
  });

  it("refuses or matches whatever it is given, within its budget", () => {
    const odd = fc.string({
      unit: fc.constantFrom(
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "|",
        "*",
        "+",
        "?",
        "\\",
        "^",
        "$",
        "-",
        ",",
        "<",
        ">",
        ":",
        "=",
        "!",
        "a",
        "9",
        ".",
        "d",
      ),
    });
    fc.assert(
      fc.property(fc.oneof(odd, fc.string({ unit: "binary" })), fc.string(), (pattern, text) => {
        const budget = { steps: 100_000 };
        try {
          compilePattern(pattern).match(text.slice(0, 128), budget);
        } catch (error) {
          expect(error).toBeInstanceOf(PatternError);
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("says of any text what JavaScript says", () => {
    const piece = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\d", "(?:a|b)", "(?:ab|a)", "(?<g>b+)", "1");
    const repeated = fc
      .tuple(piece, fc.constantFrom("", "?", "*", "+", "{2}", "{0,2}", "{1,}"))
      .map((each) => each.join(""));
    const pattern = fc
      .array(repeated, { maxLength: 5 })
      .filter((pieces) => pieces.filter((each) => each.includes("<g>")).length < 2);
    const text = fc.string({ unit: fc.constantFrom("a", "b", "1", "."), maxLength: 8 });
    fc.assert(
      fc.property(pattern, text, (pieces, subject) => {
        const joined = pieces.join("");
        const theirs = new RegExp(`^(?:${joined})$`).exec(subject);
        const ours = compilePattern(joined).match(subject, plenty());
        expect(ours !== undefined).toBe(theirs !== null);
        // JavaScript forgets a group at each new turn of a repetition; a group that is not repeated is the same.
        if (!/<g>b\+\)[?*+{]/.test(joined)) expect(ours?.get("g")).toBe(theirs?.groups?.g);
      }),
      { numRuns: 3000 },
    );
  });
});
