import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PackagesError } from "./error.ts";
import { formatRelation, parseRelations } from "./relation.ts";

function reformatted(text: string): string {
  return parseRelations(text)
    .map((group) => group.map(formatRelation).join(" | "))
    .join(", ");
}

function codeOf(run: () => unknown): string {
  try {
    run();
    return "nothing thrown";
  } catch (error) {
    return error instanceof PackagesError ? error.code : String(error);
  }
}

describe("parseRelations", () => {
  it.each([
    ["libc6 (>= 2.36), libssl3", "libc6 (>= 2.36), libssl3"],
    ["default-mta | mail-transport-agent", "default-mta | mail-transport-agent"],
    ["python3:any (>= 3.11~), perl:native, gcc:amd64", "python3:any (>= 3.11~), perl:native, gcc:amd64"],
    ["a(<<1:2-3) ,\n b ( = 2 ),c(>>3)|d", "a (<< 1:2-3), b (= 2), c (>> 3) | d"],
    ["a (< 1), b (> 2)", "a (<= 1), b (>= 2)"],
    ["a [amd64 !i386] <!nocheck> <cross stage1>, b [linux-any]", "a, b"],
    ["a (1.0)", "a (= 1.0)"],
    ["a,, b,", "a, b"],
    ["", ""],
  ])("%j is %j", (text, expected) => {
    expect(reformatted(text)).toBe(expected);
  });

  it.each(["a (>= )", "a (>= 1", "(>= 1)", "a b", "a (=> 1)", "a | | b", "a (>= 1 2)", "a:", "é", "a ) b", "-x"])(
    "refuses %j",
    (text) => {
      expect(codeOf(() => parseRelations(text))).toBe("BAD_RELATION");
    },
  );

  it("stops at its limits, and does not slow down over blanks", () => {
    expect(codeOf(() => parseRelations("a,".repeat(20_001)))).toBe("TOO_LARGE");
    expect(codeOf(() => parseRelations(" ".repeat(2_000_000)))).toBe("TOO_LARGE");
    const started = performance.now();
    expect(codeOf(() => parseRelations(`a${" ".repeat(900_000)}!`))).toBe("BAD_RELATION");
    expect(codeOf(() => parseRelations(`a ${"<".repeat(900_000)}`))).toBe("BAD_RELATION");
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("never fails in another way, whatever it is given", () => {
    const unit = fc.constantFrom("a", "1", ":", " ", "(", ")", "<", ">", "=", "|", ",", "[", "]", "\n", "~", "-", "é");
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        expect(["nothing thrown", "BAD_RELATION"]).toContain(codeOf(() => parseRelations(text)));
      }),
      { numRuns: 3000 },
    );
  });
});
