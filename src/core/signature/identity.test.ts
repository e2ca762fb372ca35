import { describe, expect, it } from "vitest";
import { checkIdentityRule, refuseIdentity, type SeenIdentity, type SignerIdentity } from "./index.ts";

const at = Date.parse("2026-03-01T12:00:00Z");
const seen: SeenIdentity = {
  issuer: "https://token.actions.githubusercontent.com",
  subject: "https://github.com/acme/deploy/.github/workflows/release.yml@refs/heads/main",
  subjectKind: "uri",
  claims: { sourceRepository: "https://github.com/acme/deploy", sourceRef: "refs/heads/main" },
  times: [at],
};
const exact: SignerIdentity = { issuer: seen.issuer, subject: seen.subject };

describe("refuseIdentity", () => {
  it.each<[string, SignerIdentity]>([
    ["whole texts", exact],
    [
      "a pattern that matches all of it",
      { ...exact, subject: { pattern: "https://github\\.com/acme/[^@]+@refs/heads/main" } },
    ],
    ["a pattern of issuers", { ...exact, issuer: { pattern: "https://[a-z.]+" } }],
    [
      "kind and claims",
      { ...exact, subjectKind: "uri", claims: { sourceRef: { pattern: "refs/(heads/main|tags/.*)" } } },
    ],
    ["the window", { ...exact, from: at, until: at + 1 }],
  ])("takes who is named by %s", (_, rule) => expect(refuseIdentity(rule, seen)).toBeUndefined());

  it.each<[string, SignerIdentity, RegExp]>([
    ["a subject that only begins so", { ...exact, subject: "https://github.com/acme/deploy" }, /it is by https/],
    [
      "a pattern that matches a part",
      { ...exact, subject: { pattern: "https://github\\.com/acme/deploy/" } },
      /it is by/,
    ],
    ["a dot that is no dot", { ...exact, issuer: { pattern: "https://token\\.actions" } }, /of https:\/\/token/],
    ["another issuer", { ...exact, issuer: "https://gitlab.com" }, /of https:\/\/token/],
    ["another kind of name", { ...exact, subjectKind: "email" }, /of kind uri, not email/],
    [
      "another repository",
      { ...exact, claims: { sourceRepository: "https://github.com/acme/other" } },
      /says sourceRepository https/,
    ],
    [
      "what the certificate does not say",
      { ...exact, claims: { runnerEnvironment: "github-hosted" } },
      /does not say runnerEnvironment/,
    ],
    ["a time before the window", { ...exact, from: at + 1 }, /signed at 2026-03-01T12:00:00.000Z/],
    ["its very end", { ...exact, until: at }, /when that identity did not count/],
  ])("refuses %s", (_, rule, reason) => expect(refuseIdentity(rule, seen)).toMatch(reason));

  it("asks all moments that are vouched for, and at least one", () => {
    expect(refuseIdentity({ ...exact, until: at + 1 }, { ...seen, times: [at, at + 1] })).toMatch(/did not count/);
    expect(refuseIdentity({ ...exact, until: at + 1 }, { ...seen, times: [] })).toMatch(/nobody vouches/);
  });

  it("takes linear time over a pattern that would take for ever elsewhere, and refuses what is too much", () => {
    const began = performance.now();
    const subject = { pattern: "(a*)*(a|a)*(a|aa)*b" };
    expect(refuseIdentity({ ...exact, subject }, { ...seen, subject: "a".repeat(2000) })).toMatch(/it is by/);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe("checkIdentityRule", () => {
  it.each([
    ["(", /cannot be used/],
    ["(?=x)", /cannot be used/],
    ["a{1,1000}", /cannot be used/],
    ["x".repeat(300), /longer than/],
  ])("says that %s is no pattern", (pattern, reason) => {
    expect(checkIdentityRule({ ...exact, subject: { pattern } })).toMatch(reason);
    expect(checkIdentityRule({ ...exact, claims: { sourceRef: { pattern } } })).toMatch(reason);
  });
});
