import { describe, expect, it } from "vitest";
import { formatAge, formatBytes, formatSeconds, printable } from "./index.ts";

describe("printable", () => {
  it.each([
    ["plain ünïcode 日本", "plain ünïcode 日本"],
    ["\u001b[31mred\u001b[0m", "\\u{1b}[31mred\\u{1b}[0m"],
    ["\u001b]0;title\u0007", "\\u{1b}]0;title\\u{7}"],
    ["two\nlines\tand\r", "two lines and\\u{d}"],
    ["c1 \u009b31m", "c1 \\u{9b}31m"],
    ["user\u202etxt.exe", "user\\u{202e}txt.exe"],
    ["zero\u200bwidth\ufeff", "zero\\u{200b}width\\u{feff}"],
    ["lone \ud800 half", "lone \\u{d800} half"],
    ["tag \u{e0041}", "tag \\u{e0041}"],
  ])("%j", (text, shown) => expect(printable(text)).toBe(shown));
});

describe("formatBytes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [1_234_567, "1.2 MB"],
    [123_456_789, "123 MB"],
    [999_960_000, "1.0 GB"],
    [5e15, "5000 TB"],
  ])("%d is %s", (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});

describe("formatSeconds", () => {
  it.each([
    [0, "0.0 s"],
    [4.23, "4.2 s"],
    [42, "42 s"],
    [60, "1 min"],
    [185, "3 min 5 s"],
    [3600, "1 h"],
    [187_200, "2 d 4 h"],
  ])("%d is %s", (seconds, text) => expect(formatSeconds(seconds)).toBe(text));
});

describe("formatAge", () => {
  it.each([
    [-5, "0 s"],
    [59.9, "59 s"],
    [1083, "18 min"],
    [86_399, "23 h"],
    [187_200, "2 d"],
  ])("%d is %s", (seconds, text) => expect(formatAge(seconds)).toBe(text));
});
