import { describe, expect, it } from "vitest";
import { parseIgnoreFile } from "./ignore-file.ts";

describe(".dockerignore", () => {
  it.each<[string, string[], string[]]>([
    ["node_modules", ["node_modules", "node_modules/a/b"], ["src/node_modules", "node_modules2"]],
    ["/a/b/", ["a/b", "a/b/c"], ["a", "b"]],
    ["*.md\n!README.md", ["a.md"], ["README.md", "x/a.md"]],
    ["*.md\n!README*.md\nREADME-secret.md", ["a.md", "README-secret.md"], ["README.md", "README-a.md"]],
    ["*.md\nREADME-secret.md\n!README*.md", ["a.md"], ["README-secret.md"]],
    ["**/*.go", ["a.go", "a/b/c.go"], ["a.goo"]],
    ["a/**/z", ["a/z", "a/b/z", "a/b/c/z/y"], ["z", "a/b"]],
    ["docs/**", ["docs/a", "docs/a/b"], ["src"]],
    ["**\n!src/**", ["a", "b/c"], ["src/a", "src/b/c"]],
    ["temp?", ["tempa", "tempb/x"], ["temp", "tempab"]],
    ["[a-c]x", ["ax", "cx"], ["dx"]],
    ["[^a-c]x", ["dx"], ["ax"]],
    ["# comment\n\n a ", ["a"], ["# comment"]],
    ["\\#a", ["#a"], ["a"]],
    ["./x/../y", ["y"], ["x"]],
    ["*", ["a", "a/b"], []],
    ["a\r\nb\r\n", ["a", "b"], ["c"]],
  ])("%j", (text, out, kept) => {
    const ignores = parseIgnoreFile(text);
    expect(out.filter((path) => !ignores(path))).toEqual([]);
    expect(kept.filter((path) => ignores(path))).toEqual([]);
  });

  it("takes no longer for patterns made to", () => {
    const ignores = parseIgnoreFile(`${"**/".repeat(200)}x\n${"*a".repeat(200)}b\n`);
    const started = performance.now();
    expect(ignores(`${"a/".repeat(300)}${"a".repeat(2000)}`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
    expect(() => parseIgnoreFile("a\n".repeat(3000))).toThrow(/rules/);
    expect(() => parseIgnoreFile("a".repeat(300_000))).toThrow(/larger/);
  });
});
