import { describe, expect, it } from "vitest";
import { hostileText } from "../operation/testdata/status.ts";
import { createScreen } from "./index.ts";
import { renderTable } from "./table.ts";
import { cutText, padText, textWidth, wrapText } from "./text-width.ts";

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

  it("breaks the widest flexible column into lines where the terminal is narrow, and nothing where there is none", () => {
    const words = "one two three ".repeat(12).trim();
    const narrow = renderTable(columns, [["web", "9 MB", words]], terminal(60, { NO_COLOR: "1" }));
    const [, ...lines] = narrow.split("\n");
    for (const line of lines) expect(textWidth(line)).toBeLessThanOrEqual(60);
    expect(lines.map((line) => line.slice(12)).join(" ")).toBe(words);
    expect(renderTable(columns, [["web", "9 MB", words]], plain)).toContain(words);
  });

  it("cuts what would go on for ever", () => {
    const text = renderTable(columns, [["web", "9 MB", "x".repeat(10_000)]], terminal(60, { NO_COLOR: "1" }));
    expect(text.split("\n")).toHaveLength(7);
    expect(text).toContain("…");
  });

  it("sets lines of a cell below one another", () => {
    expect(renderTable(columns, [["web", ["1 B", "22 B"], "why"]], plain)).toBe(
      "NAME  SIZE  WHY\nweb    1 B  why\n      22 B",
    );
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
    expect(wrapText("日本語", 4, 9)).toEqual(["日本", "語"]);
    expect(padText("日", 4, "right")).toBe("  日");
  });
});
