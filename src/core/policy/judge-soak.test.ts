import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideHealth, judgeAnswers, passedBetween } from "./judge-soak.ts";

const look = (at: number, ms?: number, start = "one") => (ms === undefined ? { at } : { at, steady: { start, ms } });

describe("passedBetween", () => {
  it.each([
    ["nothing before", undefined, look(9), 0],
    ["without a steady clock, the time of day", look(5), look(9), 4],
    ["without a steady clock, set back", look(9), look(5), 0],
    ["set forward by a day", look(0, 0), look(86_400_000, 7), 7],
    ["set back by a day", look(86_400_000, 0), look(0, 7), 7],
    ["after another start of the machine, the time of day", look(5, 900), look(9, 1, "two"), 4],
    ["a steady clock that went back is no time", look(5, 900), look(9, 800), 0],
  ])("%s", (_, before, now, expected) => expect(passedBetween(before, now)).toBe(expected));

  it("is never more than what may have been watched", () => {
    expect(passedBetween(look(0, 0), look(0, 100), 15)).toBe(15);
  });
});

describe("judgeAnswers", () => {
  const answers = (text: string): boolean[] => Array.from(text, (letter) => letter === "+");
  it.each([
    ["", "healthy"],
    ["+++", "healthy"],
    ["++-", "failing"],
    ["+--", "failing"],
    ["---", "unhealthy"],
    ["--+", "healthy"],
    ["---+", "healthy"],
  ])("three in a row: %s is %s", (text, expected) =>
    expect(judgeAnswers({ count: 3, of: 3 }, answers(text))).toBe(expected),
  );

  it.each([
    ["-+-+-", "unhealthy"],
    ["-+-+", "healthy"],
    ["-++++++++-", "failing"],
    ["--+++++++++++-", "failing"],
  ])("three of ten, for what comes and goes: %s is %s", (text, expected) =>
    expect(judgeAnswers({ count: 3, of: 10 }, answers(text))).toBe(expected),
  );

  it("calls nothing unhealthy with fewer failures than the count, and all with the count at the end", () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 30 }),
        fc.integer({ min: 1, max: 6 }),
        fc.nat(9),
        (given, count, more) => {
          const policy = { count, of: count + more };
          const failed = given.slice(-policy.of).filter((one) => !one).length;
          expect(judgeAnswers(policy, given) === "unhealthy").toBe(failed >= count);
          expect(judgeAnswers(policy, [...given, ...Array.from({ length: count }, () => false)])).toBe("unhealthy");
        },
      ),
    );
  });
});

describe("decideHealth", () => {
  it.each([
    ["healthy", true, "forward", "none", "nothing"],
    ["failing", true, "forward", "none", "nothing"],
    ["unhealthy", true, "forward", "none", "roll-back"],
    ["unhealthy", true, "rollback", "rollback", "alarm"],
    ["unhealthy", false, "forward", "none", "nothing"],
    ["unhealthy", false, "forward", "alarm", "alarm"],
    ["unhealthy", false, "forward", "rollback", "roll-back"],
    ["unhealthy", false, "rollback", "rollback", "alarm"],
  ] as const)("%s, soaking: %s, came %s, after the soak %s: %s", (health, soaks, kind, after, expected) =>
    expect(decideHealth({ health, soaks, kind, after })).toBe(expected),
  );
});
