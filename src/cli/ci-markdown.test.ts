import { assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import { formatMarkdown } from "../core/report/index.ts";
import { anyScan, hostileTexts } from "../core/report/testdata/make-scan.ts";
import { sha256 } from "../lib/index.ts";
import type { Diff, Scan } from "../operation/index.ts";
import { ciLine, commentMarker, fitSummary, formatCiMarkdown, type CiFacts } from "./ci-markdown.ts";

function factsOf(text: string, markdown: string, packages = 1): CiFacts {
  const scan: Scan = {
    subject: text,
    kind: "image",
    digest: null,
    at: "2026-01-01T00:00:00.000Z",
    feeds: [],
    platforms: [],
    notes: [],
    verdict: { kind: "failed", reasons: [text], unrated: 0 },
    comparison: { against: text, digest: sha256("a"), added: [], gone: [], stayed: 0, doubts: [text] },
    documents: { sarif: null, cyclonedx: null, junit: null, markdown },
  };
  const one = { type: text, name: text, architecture: text, from: text, to: null, path: text };
  const diff = { packages: Array.from({ length: packages }, () => one) } as unknown as Diff;
  return { key: text, scan, against: text, diff, notes: [text], runUrl: "https://ci.example/job/5" };
}

describe("the comment of a pull request", () => {
  it("has everything of others in code spans, begins with its marker, and fits", () => {
    assert(
      property(constantFrom(...hostileTexts), anyScan, integer({ min: 0, max: 300 }), (text, scan, packages) => {
        const markdown = formatCiMarkdown(factsOf(text, formatMarkdown(scan), packages));
        expect(markdown.startsWith(commentMarker(text))).toBe(true);
        expect(markdown.length).toBeLessThanOrEqual(65_536);
        const outside = markdown
          .replaceAll(/`[^`\n]*`/g, "CODE")
          .replace(commentMarker(text), "")
          .replaceAll(/<details><summary>\d+ packages? differ<\/summary>|<\/details>/g, "")
          .replace("([job](<https://ci.example/job/5>))", "");
        expect(outside).toMatch(/^[\w\s#*.,:;|\-–→%()]*$/);
        expect(outside).not.toMatch(/evil|script|injected|everyone|owned/);
      }),
      { numRuns: 300 },
    );
  });

  it("shows findings beside thousands of packages with long names", () => {
    const markdown = formatCiMarkdown(factsOf("p".repeat(180), "### Scan\n\nFINDINGS\n", 5000));
    expect(markdown).toContain("FINDINGS");
    expect(markdown).toMatch(/And \d+ more\.\n\n<\/details>/);
    expect(formatCiMarkdown(factsOf("x", `${"y".repeat(90)}\n`.repeat(5000))).length).toBeLessThan(65_536);
  });

  it("is another one for another image, whatever both are called", () => {
    expect(commentMarker("--><script>")).toMatch(/^<!-- tidemill:ci [0-9a-f]{24} -->$/);
    expect(commentMarker("web")).not.toBe(commentMarker("api"));
    expect(ciLine(factsOf("web", ""))).toBe("refused by policy; 0 new, 0 gone since web; 0 findings");
  });
});

describe("the page of a job", () => {
  it("has 1 MiB, what earlier steps wrote counted in", () => {
    const line = `${"ü".repeat(99)}\n`;
    const text = line.repeat(10_000);
    expect(Buffer.byteLength(fitSummary(text, 0))).toBeLessThanOrEqual(1_048_576);
    expect(Buffer.byteLength(fitSummary(text, 0))).toBeGreaterThan(1_040_000);
    const rest = fitSummary(text, 1_000_000);
    expect(Buffer.byteLength(rest)).toBeLessThanOrEqual(48_576);
    expect(rest.replaceAll(line, "")).toBe("");
    expect(fitSummary(text, 2_000_000)).toBe("");
  });
});
