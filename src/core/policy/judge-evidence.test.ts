import { describe, expect, it } from "vitest";
import { judgeEvidence, type EvidenceDemand, type EvidenceFacts, type StandingEvidence } from "./index.ts";

const [ours, stolen, theirs] = [
  `sha256:${"a".repeat(64)}`,
  `sha256:${"b".repeat(64)}`,
  `sha256:${"c".repeat(64)}`,
] as const;
const demand: EvidenceDemand = {
  kinds: ["provenance"],
  environment: "production",
  trusted: new Set([ours]),
  revoked: new Set([stolen]),
};
const facts = (found: readonly StandingEvidence[], more: Partial<EvidenceFacts> = {}): EvidenceFacts => ({
  found,
  refused: [],
  problems: [],
  ...more,
});
const provenance = { kind: "provenance", key: ours, by: "ECDSA key aaaa" } as const;
const verification = (environment: string | undefined, passed: boolean): StandingEvidence => ({
  ...provenance,
  kind: "verification",
  verification: { environment, passed },
});

describe("judgeEvidence", () => {
  it("lets pass what one good piece of each kind stands for, whatever else lies there", () => {
    const found = [{ ...provenance, key: stolen }, provenance, verification("production", true)];
    const refused = [{ kind: "provenance", reason: "it is of another digest" }] as const;
    const kinds = ["provenance", "verification"] as const;
    expect(judgeEvidence(facts(found, { refused, problems: ["one could not be read"] }), { ...demand, kinds })).toEqual(
      [],
    );
  });

  it("demands nothing where nothing is demanded", () =>
    expect(judgeEvidence(facts([]), { ...demand, kinds: [] })).toEqual([]));

  it.each<[string, EvidenceFacts, EvidenceDemand["kinds"], string]>([
    ["nothing is there", facts([]), ["provenance"], "it has no provenance"],
    ["something else is there", facts([provenance]), ["sbom"], "it has no SBOM"],
    [
      "its key was revoked",
      facts([{ ...provenance, key: stolen }]),
      ["provenance"],
      "a key that was revoked, ECDSA key aaaa",
    ],
    [
      "its key is nobody's",
      facts([{ ...provenance, key: theirs }]),
      ["provenance"],
      "not by a key that is trusted here",
    ],
    [
      "it is of another digest",
      facts([], { refused: [{ kind: "provenance", reason: "it is of another digest" }] }),
      ["provenance"],
      "its provenance does not count: it is of another digest",
    ],
    [
      "it is of another environment",
      facts([verification("staging", true)]),
      ["verification"],
      "it is for staging, not for production",
    ],
    [
      "it names no environment",
      facts([verification(undefined, true)]),
      ["verification"],
      "no environment that it names",
    ],
    ["it did not pass", facts([verification("production", false)]), ["verification"], "it did not pass for production"],
    [
      "it may not have been read",
      facts([], { problems: ["only 500 were read"] }),
      ["scan"],
      "not all could be read: only 500 were read",
    ],
  ])("says so where %s", (_, found, kinds, words) => {
    const reasons = judgeEvidence(found, { ...demand, kinds });
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain(words);
  });

  it("says each kind that lacks", () => {
    expect(judgeEvidence(facts([provenance]), { ...demand, kinds: ["signature", "provenance", "scan"] })).toEqual([
      "it has no signature",
      "it has no scan",
    ]);
  });
});
