import { describe, expect, it } from "vitest";
import { hostileText } from "../operation/testdata/status.ts";
import { createScreen } from "./index.ts";
import { renderTable } from "./table.ts";
import { cutText, padText, textWidth } from "./text-width.ts";

const plain = createScreen({ out: { write: () => true }, err: { write: () => true } }, {});
const terminal = (columns: number, environment = {}) =>
  createScreen({ out: { isTTY: true, columns, write: () => true }, err: { write: () => true } }, environment);

const columns = [
  { title: "NAME", flexible: true },
  { title: "SIZE", align: "right" as const },
  { title: "WHY", flexible: true },
];

describe("renderTable", () => {
  it("aligns what is short, long and wide", () => {
    const rows = [
      ["web", "9 MB", "because"],
      ["日本語", "120 MB", ""],
      ["e\u0301tude", "1 B", "composed"],
    ];
    expect(renderTable(columns, rows, plain)).toBe(
      ["NAME      SIZE  WHY", "web       9 MB  because", "日本語  120 MB", "e\u0301tude      1 B  composed"].join("\n"),
    );
  });

  it("is nothing without rows", () => expect(renderTable(columns, [], plain)).toBe(""));

  it("cuts the widest flexible column where the terminal is narrow, and nothing where there is none", () => {
    const rows = [["web", "9 MB", "x".repeat(200)]];
    const narrow = renderTable(columns, rows, terminal(60, { NO_COLOR: "1" }));
    for (const line of narrow.split("\n")) expect(textWidth(line)).toBeLessThanOrEqual(60);
    expect(narrow).toContain("…");
    expect(renderTable(columns, rows, plain)).toContain("x".repeat(200));
  });

  it("shows escapes and line breaks instead of obeying them", () => {
    const text = renderTable(columns, [[hostileText, "a\nb", "c\rd"]], plain);
    // eslint-disable-next-line no-control-regex
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(text.split("\n")).toHaveLength(2);
  });

  it("paints on a terminal only, and not where NO_COLOR is set", () => {
    const paint = (screen: ReturnType<typeof terminal>) =>
      renderTable([{ title: "A" }], [[{ text: "x", paint: screen.red }]], screen);
    expect(paint(terminal(80))).toContain("\u001b[31mx\u001b[39m");
    for (const screen of [terminal(80, { NO_COLOR: "1" }), terminal(80, { TERM: "dumb" }), plain])
      expect(paint(screen)).toBe("A\nx");
  });
});

describe("text width", () => {
  it.each([
    ["abc", 3],
    ["日本", 4],
    ["🚀", 2],
    ["e\u0301", 1],
    ["", 0],
  ])("of %j is %d", (text, width) => expect(textWidth(text)).toBe(width));

  it("never splits a wide character", () => {
    expect(cutText("日本語", 4)).toBe("日…");
    expect(padText("日", 4, "right")).toBe("  日");
  });
});
