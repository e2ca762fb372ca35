import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseControl } from "./control.ts";
import { PackagesError } from "./error.ts";

function codeOf(run: () => unknown): string {
  try {
    run();
    return "nothing thrown";
  } catch (error) {
    return error instanceof PackagesError ? error.code : String(error);
  }
}

describe("parseControl", () => {
  it("reads stanzas, continuations, comments and line endings of either kind", () => {
    const text =
      "\n\nPackage: a\r\nDescription: short\n long\n .\n # not a comment\n\n \t\n# comment\nPackage:b\nTag:\n one,\n two\n";
    expect(parseControl(text).map((stanza) => Object.fromEntries(stanza))).toEqual([
      { package: "a", description: "short\nlong\n.\n# not a comment" },
      { package: "b", tag: "\none,\ntwo" },
    ]);
  });

  it("knows fields in any case", () => {
    expect(parseControl("PACKAGE: a\n")[0]?.get("package")).toBe("a");
  });

  it.each([
    ["a continuation of nothing", " indented\n"],
    ["a continuation after a blank line", "A: b\n\n indented\n"],
    ["a line without a colon", "Package\n"],
    ["an empty field name", ": x\n"],
    ["a space in a field name", "A B: x\n"],
    ["a field that comes twice", "A: 1\na: 2\n"],
    ["binary", "\u0000\u0001\u0002"],
  ])("refuses %s", (_, text) => {
    expect(codeOf(() => parseControl(text))).toBe("BAD_CONTROL");
  });

  it("stops at its limits", () => {
    expect(codeOf(() => parseControl("A: b\n", { characters: 4 }))).toBe("TOO_LARGE");
    expect(codeOf(() => parseControl("A: b\n\nA: b\n", { stanzas: 1 }))).toBe("TOO_LARGE");
    expect(codeOf(() => parseControl("A: b\nB: c\n", { fieldsPerStanza: 1 }))).toBe("TOO_LARGE");
  });

  it("never fails in another way, whatever it is given", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("A", ":", " ", "\t", "\n", "\r", "#", "-", "é", "\0") }),
        (text) => {
          expect(["nothing thrown", "BAD_CONTROL"]).toContain(codeOf(() => parseControl(text)));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
