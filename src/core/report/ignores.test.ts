import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyIgnores } from "./apply-ignores.ts";
import { parseIgnoreFile, type IgnoreEntry } from "./parse-ignore-file.ts";
import { at, makeFinding, makePlatform, makeReport } from "./testdata/make-scan.ts";

const name = ".tidemillignore.yaml";

function entries(text: string): readonly IgnoreEntry[] {
  const parsed = parseIgnoreFile(text, name);
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.mistakes));
  return parsed.entries;
}

describe("parseIgnoreFile", () => {
  it("refuses an object in place of a text, whatever the object is", () => {
    const text = "version: 1\nignore:\n  - { id: { length: { toString: 1, valueOf: 1 } }, reason: no }\n";
    expect(parseIgnoreFile(text, name).kind).toBe("invalid");
  });

  it("reads what is set aside, why, until when and by whom", () => {
    const text = `# why we live with these
version: 1
ignore:
  - id: CVE-2026-0001
    package: openssl
    path: /app/node_modules/
    until: 2027-01-31
    by: ada
    reason: only in the tests
  - { id: GHSA-aaaa-bbbb-cccc, reason: "not called" }
`;
    expect(entries(text)).toEqual([
      {
        id: "CVE-2026-0001",
        package: "openssl",
        version: undefined,
        path: "app/node_modules",
        until: Date.UTC(2027, 0, 31),
        by: "ada",
        reason: "only in the tests",
      },
      expect.objectContaining({ id: "GHSA-aaaa-bbbb-cccc", by: name, until: undefined }),
    ]);
    expect(entries("version: 1\nignore: []\n")).toEqual([]);
  });

  it.each<[string, string, number, number, RegExp]>([
    ["an empty file", "", 1, 1, /no mapping/],
    ["a list", "- CVE-1\n", 1, 1, /no mapping/],
    ["no version", "ignore: []\n", 1, 1, /version/],
    ["another version", "version: 2\nignore: []\n", 1, 1, /version/],
    ["no reason", "version: 1\nignore:\n  - id: CVE-2026-1\n", 3, 5, /reason is missing/],
    ["an empty reason", "version: 1\nignore:\n  - id: CVE-2026-1\n    reason: ' '\n", 4, 5, /empty/],
    ["an id that is none", "version: 1\nignore:\n  - id: '*'\n    reason: all\n", 3, 5, /id of a vulnerability/],
    [
      "a key that is not known",
      "version: 1\nignore:\n  - id: CVE-1\n    reason: x\n    untill: 2027-01-01\n",
      5,
      5,
      /"untill"/,
    ],
    ["a date that is none", "version: 1\nignore:\n  - id: CVE-1\n    reason: x\n    until: tomorrow\n", 5, 5, /date/],
    [
      "a day that there is not",
      "version: 1\nignore:\n  - id: CVE-1\n    reason: x\n    until: 2027-13-01\n",
      5,
      5,
      /no such date/,
    ],
    ["a key twice", "version: 1\nignore: []\nignore: []\n", 3, 1, /twice/],
    ["a prototype's name", "version: 1\n__proto__: {a: 1}\nignore: []\n", 1, 1, /cannot be a key/],
    ["an alias", "version: 1\nignore: &a\n  - *a\n", 3, 5, /aliases/],
    ["what is no YAML", "version: 1\nignore: [\n", 3, 1, /./],
    ["two documents", "version: 1\n---\nversion: 1\n", 2, 1, /./],
    ["a deep nest", `version: 1\nignore: ${"[".repeat(60)}${"]".repeat(60)}\n`, 2, 1, /./],
  ])("refuses %s, with its place", (_, text, line, column, message) => {
    const parsed = parseIgnoreFile(text, name);
    expect(parsed.kind === "invalid" ? parsed.mistakes[0] : parsed).toMatchObject({
      line,
      message: expect.stringMatching(message) as string,
    });
    if (column > 1 && parsed.kind === "invalid") expect(parsed.mistakes[0]?.column).toBe(column);
  });

  it("refuses what is too long, and survives whatever is written", () => {
    expect(parseIgnoreFile("x".repeat(2_000_000), name).kind).toBe("invalid");
    expect(parseIgnoreFile("[".repeat(100_000), name).kind).toBe("invalid");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => void parseIgnoreFile(text, name)),
      { numRuns: 500 },
    );
  });
});

describe("applyIgnores", () => {
  const day = 86_400_000;
  const entry = (more: Partial<IgnoreEntry>): IgnoreEntry => ({
    id: "CVE-2026-0001",
    package: undefined,
    version: undefined,
    path: undefined,
    reason: "known",
    until: undefined,
    by: "ada",
    ...more,
  });
  const apply = (list: IgnoreEntry[], finding = makeFinding({ path: "app/lib/x" })) => {
    const report = applyIgnores(makeReport({ platforms: [makePlatform({ findings: [finding] })] }), list, at);
    return { ignored: report.platforms[0]?.findings[0]?.ignored, notes: report.notes };
  };

  it.each<[Partial<IgnoreEntry>, boolean]>([
    [{}, true],
    [{ id: "cve-2026-0001" }, true],
    [{ id: "CVE-2026-00011" }, false],
    [{ package: "libssl3" }, true],
    [{ package: "openssl" }, true],
    [{ package: "libssl" }, false],
    [{ version: "3.0-1" }, true],
    [{ version: "3.0" }, false],
    [{ path: "app/lib" }, true],
    [{ path: "app/lib/x" }, true],
    [{ path: "app/li" }, false],
    [{ until: at + 1 }, true],
  ])("%o: %s", (more, expected) => {
    const { ignored, notes } = apply([entry(more)]);
    expect(ignored !== undefined).toBe(expected);
    expect(notes).toHaveLength(expected ? 0 : 1);
  });

  it("knows a vulnerability by its aliases, and by the one that an announcement is about", () => {
    expect(apply([entry({ id: "GHSA-1" })], makeFinding({ aliases: ["GHSA-1"] })).ignored).toBeDefined();
    expect(apply([entry({ id: "CVE-1" })], makeFinding({ id: "DSA-1", upstream: ["CVE-1"] })).ignored).toBeDefined();
    expect(
      apply([entry({ id: "CVE-1" })], makeFinding({ id: "DSA-1", upstream: ["CVE-1", "CVE-2"] })).ignored,
    ).toBeUndefined();
  });

  it("counts again what has expired, and says so", () => {
    const { ignored, notes } = apply([entry({ until: at - day })]);
    expect(ignored).toBeUndefined();
    expect(notes).toEqual(["CVE-2026-0001 was ignored until 2026-11-25 (ada: known): it counts again"]);
  });

  it("leaves alone what VEX set aside", () => {
    const ignored = { from: "vex", by: "bob", reason: "not there", until: undefined } as const;
    expect(apply([entry({})], makeFinding({ ignored }))).toEqual({ ignored, notes: [] });
  });
});
