import { describe, expect, it } from "vitest";
import { describeWorkload, findRule, type WorkloadRule } from "./index.ts";

const github = "https://token.actions.githubusercontent.com";
const rule = (claims: WorkloadRule["claims"]): WorkloadRule => ({
  issuer: github,
  audience: "tidemill",
  claims,
  roles: ["operator"],
  labels: [],
});

describe("findRule", () => {
  it.each([
    [{ repository: "org/app" }, { repository: "org/app" }, true],
    [{ repository: "org/app" }, { repository: "org/app-two" }, false],
    [{ repository: "org/app" }, { repository: "ORG/APP" }, false],
    [{ repository: "org/app" }, {}, false],
    [{ repository: "org/app", ref: "refs/heads/main" }, { repository: "org/app", ref: "refs/heads/main2" }, false],
    [{ ref: { pattern: "refs/tags/v[0-9]+" } }, { ref: "refs/tags/v12" }, true],
    [{ ref: { pattern: "refs/tags/v[0-9]+" } }, { ref: "refs/tags/v12\nrefs/heads/x" }, false],
    [{ ref: { pattern: "main" } }, { ref: "not-main" }, false],
    [{ repository: { pattern: "org/[a-z]+" } }, { repository: "evil-org/app" }, false],
    [{ repository: { pattern: "org.app" } }, { repository: "org/app" }, true],
    [{ repository_id: "17" }, { repository_id: 17 }, true],
    [{ protected: "true" }, { protected: true }, true],
    [{ groups: "a" }, { groups: ["b", "a"] }, true],
    [{ groups: "a" }, { groups: ["b", ["a"], { a: "a" }] }, false],
    [{ groups: "a" }, { groups: [] }, false],
    [{ constructor: "x" }, {}, false],
    [{ repository: "org/app" }, { repository: { value: "org/app" } }, false],
    [{ sub: { pattern: "x*" } }, { sub: "x".repeat(2001) }, false],
  ] as const)("%j holds for %j: %s", (wanted, said, holds) => {
    expect(findRule([rule(wanted as WorkloadRule["claims"])], said)?.roles).toEqual(holds ? ["operator"] : undefined);
  });

  it("takes the first that fits, whatever comes after it", () => {
    const rules = [rule({ ref: "a" }), { ...rule({ ref: "b" }), labels: ["team=x"] }, rule({ ref: "b" })];
    expect(findRule(rules, { ref: "b" })).toBe(rules[1]);
  });
});

describe("describeWorkload", () => {
  it.each([
    [github, { repository: "org/app", ref: "refs/heads/main", run_id: "9" }, "github:org/app@refs/heads/main", "9"],
    ["https://gitlab.com", { project_path: "org/app", ref: "main", job_id: 8 }, "gitlab:org/app@main", "8"],
    ["https://git.example:8443", { project_path: "org/app", ref: "main" }, "git.example:8443:org/app@main", undefined],
    // Whoever runs another issuer gets nobody else's name.
    ["https://evil.example", { sub: "github:org/app" }, "evil.example:github:org/app", undefined],
    [github, { sub: "a b\u202e\n" }, "github:a?b??", undefined],
    [github, { repository: "r".repeat(500) }, `github:${"r".repeat(193)}`, undefined],
  ])("%s %j", (issuer, claims, name, run) => expect(describeWorkload(issuer, claims)).toEqual({ name, run }));
});
