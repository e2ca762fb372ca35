import { describe, expect, it } from "vitest";
import { parseEvidencePolicy } from "./evidence-policy.ts";

const signers = "signers: { mill: { key: mill.pub } }";

describe("parseEvidencePolicy", () => {
  it("reads signers of both kinds, and demands in short and at length", () => {
    const found = parseEvidencePolicy(`version: 1
signers:
  mill: { key: mill.pub }
  ci: { issuer: "https://ci.example", subject: { pattern: "https://ci\\\\.example/.*" }, trustedRoot: root.json, from: 2026-01-01 }
revoked: [mill]
require: [signature, { kind: verification, by: [ci], environment: production, maxAge: 7d }]
`);
    expect(found).toEqual({
      kind: "ok",
      policy: {
        signers: {
          mill: { kind: "key", path: "mill.pub" },
          ci: {
            kind: "identity",
            path: "root.json",
            identity: {
              issuer: "https://ci.example",
              subject: { pattern: "https://ci\\.example/.*" },
              from: Date.UTC(2026, 0, 1),
            },
          },
        },
        revoked: ["mill"],
        require: [
          { kind: "signature" },
          { kind: "verification", by: ["ci"], environment: "production", maxAge: 7 * 86_400_000 },
        ],
      },
    });
  });

  it.each([
    ["nothing", "", /^1:1: it is not a mapping$/],
    ["what is no YAML", "a: [", /./],
    [
      "aliases that multiply",
      `a: &a [x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a]\nc: [*b, *b, *b, *b, *b, *b, *b]`,
      /./,
    ],
    ["no demand", `version: 1\n${signers}\nrequire: []`, /require/],
    ["no signer", "version: 1\nsigners: {}\nrequire: [sbom]", /1 to 100 signers/],
    ["a kind that is none", `version: 1\n${signers}\nrequire: [sbmo]`, /^3:11: require\.0: one of signature, sbom/],
    [
      "a signer that is none",
      `version: 1\n${signers}\nrequire: [{ kind: sbom, by: [mil] }]`,
      /no signer mil: is it mill\?/,
    ],
    [
      "an environment of an SBOM",
      `version: 1\n${signers}\nrequire: [{ kind: sbom, environment: x }]`,
      /only a verification/,
    ],
    ["a signer that stands twice", `version: 1\n${signers}\n${signers}\nrequire: [sbom]`, /signers stands here twice/],
    ["a second document", `version: 1\n${signers}\nrequire: [sbom]\n---\nversion: 1`, /several documents/],
    ["a word that nobody knows", `version: 1\n${signers}\nrequire: [sbom]\nrequires: [vex]`, /requires/],
    ["a file without end", `# ${"x".repeat(300_000)}`, /larger than/],
  ])("refuses %s, and says where", (_what, text, message) => {
    const found = parseEvidencePolicy(text);
    expect(found.kind).toBe("invalid");
    expect(found.kind === "invalid" ? found.problems.join("; ") : "").toMatch(message);
  });
});
