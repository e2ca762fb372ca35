import { describe, expect, it } from "vitest";
import type { Diff, Why } from "../operation/index.ts";
import { hostileTexts } from "../core/report/testdata/make-scan.ts";
import { formatDiffMarkdown } from "./diff-markdown.ts";
import { formatWhyMarkdown } from "./why-markdown.ts";

const digest = `sha256:${"a".repeat(64)}` as const;
const at = "2026-01-02T03:04:05.000Z";

/** Every text that somebody else writes is this one. */
function whyOf(text: string): Why {
  const reason = { by: text, reason: text };
  return {
    image: text,
    digest,
    previous: digest,
    environments: [text],
    quarantined: text,
    rebuild: { id: "1", state: "succeeded", queuedAt: at, builtAt: at, seconds: 1 },
    waits: { reason: text, until: at },
    approvals: [{ environment: text, verdict: "approved", at, ...reason }] as unknown as Why["approvals"],
    made: { remedy: "rebuild", reason: text, from: [{ name: text, digest }], source: text },
    chain: [
      {
        depth: 0,
        image: text,
        digest,
        rebuild: null,
        cause: { kind: "parent", summary: text, image: text, digest },
        observation: null,
      },
      {
        depth: 1,
        image: text,
        digest,
        rebuild: null,
        cause: { kind: "parent", summary: text, image: text, digest },
        observation: { upstream: text, firstSeen: at, generation: at },
      },
    ],
    packages: [{ type: text, name: text, architecture: text, from: text, to: null, path: text }],
    advisories: [{ id: text, source: "feed", package: text, from: text, to: text }],
    findings: [
      { id: text, severity: text, exploited: true, package: text, environment: text, closed: { at, kind: text } },
    ] as unknown as Why["findings"],
    bumps: [
      {
        package: text,
        type: text,
        repository: text,
        file: text,
        url: text,
        moves: [{ from: text, to: text }],
        openedAt: at,
        endedAt: at,
        end: "merged",
        closes: [{ id: text }],
      },
    ] as unknown as Why["bumps"],
    layers: { changed: [], unchanged: 0, bytesChanged: 0, bytesTotal: 0 },
    verifications: [
      {
        environment: text,
        verdict: "failed",
        at,
        policy: digest,
        checks: [{ name: text, verdict: "failed", message: text }],
      },
    ],
    evidence: [{ kind: "sbom", about: digest, predicateType: text, key: text, at, artifact: digest }],
    promotions: [{ at, environment: text, kind: "promoted", from: digest, policy: null, ...reason }],
    deployments: [{ at, environment: text, name: text, state: "deployed", ...reason }],
  };
}

function diffOf(text: string): Diff {
  const side = { reference: text, digest, platform: text, packages: 1, bytes: 1 };
  const advisory = { id: text, type: text, package: text, version: text, severity: text, exploited: true };
  const settled = { ...advisory, vex: { status: "not_affected", by: text, reason: text }, open: false } as const;
  const open = { ...advisory, vex: null, open: true };
  return {
    a: side,
    b: side,
    packages: [{ type: text, name: text, architecture: text, from: text, to: text, path: text }],
    advisories: { state: "unknown", reasons: [text], closed: [open], brought: [open], remain: 1, settled: [settled] },
    layers: [],
    layersShared: 1,
    config: [{ path: text, from: text, to: null }],
    files: [{ path: text, change: "added" }],
  };
}

/** What is left once code spans are taken out: only our own words may be there. */
const outside = (markdown: string): string => markdown.replaceAll(/`[^`\n]*`/g, "CODE");

describe("Markdown of why and diff", () => {
  it.each(hostileTexts)("keeps %j in code spans", (text) => {
    for (const markdown of [formatWhyMarkdown(whyOf(text)), formatDiffMarkdown(diffOf(text))]) {
      expect(outside(markdown)).toMatch(/^[\w\s#*.,:;|\-–→%()]*$/);
      expect(outside(markdown)).not.toMatch(/evil|script|injected|everyone|owned/);
    }
  });

  it("has as many cells in each row as its table has titles, whatever the texts are", () => {
    for (const text of hostileTexts)
      for (const markdown of [formatWhyMarkdown(whyOf(text)), formatDiffMarkdown(diffOf(text))]) {
        let titles = 0;
        for (const line of outside(markdown).split("\n")) {
          const cells = line.startsWith("|") ? line.split("|").length : 0;
          expect([0, titles === 0 ? cells : titles]).toContain(cells);
          titles = cells;
        }
      }
  });

  it("follows a digest from what was first seen to what runs", () => {
    const markdown = formatWhyMarkdown(whyOf("x"));
    expect(markdown).toMatch(
      /- `x`: `x`\n {2}- `x`: `x`\n {4}- first seen 2026-01-02 03:04:05Z in `x`, which dates itself/,
    );
    for (const title of [
      "Because",
      "Packages",
      "Advisories",
      "Findings",
      "Verified",
      "Evidence",
      "Promoted and deployed",
    ])
      expect(markdown).toContain(`#### ${title}\n`);
    expect(markdown).toContain("| 2026-01-02 03:04:05Z | `x` of `x` | deployed | `x` | `x` |");
  });

  it("fits into a comment, and says what it leaves out", () => {
    const [one] = diffOf("p".repeat(150)).packages;
    if (one === undefined) throw new Error("there is no package");
    const markdown = formatDiffMarkdown({ ...diffOf("x"), packages: Array.from({ length: 5000 }, () => one) });
    expect(markdown.length).toBeLessThan(65_536);
    expect(markdown).toMatch(/And 4800 more|The rest was cut off/);
  });
});
