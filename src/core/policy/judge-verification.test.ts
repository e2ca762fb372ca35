import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parsePlatform } from "../image/index.ts";
import { judgeVerification, type JudgedCheck, type JudgedVerification } from "./judge-verification.ts";

const amd64 = parsePlatform("linux/amd64");
const arm64 = parsePlatform("linux/arm64");

function check(name: string, verdict: JudgedCheck["verdict"], platform = amd64): JudgedCheck {
  return { name, platform, verdict, messages: verdict === "passed" ? [] : [`what ${name} found`] };
}

function found(...checks: readonly JudgedCheck[]): JudgedVerification {
  return { verdict: checks.some(({ verdict }) => verdict === "failed") ? "failed" : "passed", checks };
}

const strict = { requireRun: true, engineRuns: [amd64] };
const lenient = { requireRun: false, engineRuns: [amd64] };

describe("judgeVerification", () => {
  it("passes what passed everywhere, with nothing to say", () => {
    const all = found(check("proof", "passed"), check("run: starts", "passed"));
    expect(judgeVerification(all, strict)).toEqual({ verdict: "passed", reasons: [] });
  });

  it("fails where one check failed, and names it with its platform and its first words", () => {
    const one = found(check("proof", "passed"), check("proof", "failed", arm64), check("run: starts", "not_run"));
    expect(judgeVerification(one, strict)).toEqual({
      verdict: "failed",
      reasons: ["proof failed on linux/arm64: what proof found"],
    });
  });

  it("fails where the verification says so, whatever its checks say", () => {
    const odd = { verdict: "failed", checks: [check("proof", "passed")] } as const;
    expect(judgeVerification(odd, lenient).verdict).toBe("failed");
  });

  it("does not take it for proof that nothing was checked", () => {
    const unheard = found(check("proof", "passed"), check("pipeline: ci", "not_run"));
    expect(judgeVerification(unheard, lenient).verdict).toBe("not_run");
    expect(judgeVerification(found(check("pipeline: ci", "passed")), strict).verdict).toBe("passed");
    expect(judgeVerification(found(), lenient)).toEqual({ verdict: "not_run", reasons: ["nothing was checked"] });
  });

  it("wants the word of a cluster's Job on one platform at least, and on all whose cluster did not come to run it", () => {
    const [ran, not, away] = [
      check("job: migrate", "passed"),
      check("job: migrate", "not_run", arm64),
      { ...check("job: migrate", "not_run", arm64), wordWanted: true as const },
    ];
    expect(judgeVerification(found(ran, not), strict).verdict).toBe("passed");
    expect(judgeVerification(found(check("proof", "passed"), not), lenient).verdict).toBe("not_run");
    expect(judgeVerification(found(ran, away), lenient).verdict).toBe("not_run");
  });

  it("passes with warnings named", () => {
    const warned = found(check("proof", "passed"), { ...check("set-id", "warned"), messages: ["/a", "/b", "/c"] });
    expect(judgeVerification(warned, strict)).toEqual({
      verdict: "passed",
      reasons: ["set-id warned on linux/amd64: /a (and 2 more)"],
    });
  });

  it("waits for a required `run:` check where the engine could run it", () => {
    const missing = found(check("proof", "passed"), check("run: starts", "not_run"));
    expect(judgeVerification(missing, strict).verdict).toBe("not_run");
    expect(judgeVerification(missing, lenient)).toEqual({
      verdict: "passed",
      reasons: ["run: starts was not run on linux/amd64: what run: starts found"],
    });
  });

  it.each(["http: answers", "tcp: listens"])("waits for a required %s as well", (name) => {
    expect(judgeVerification(found(check(name, "not_run")), strict).verdict).toBe("not_run");
    expect(judgeVerification(found(check(name, "not_run")), lenient).verdict).toBe("passed");
  });

  it("does not wait for a platform that the engine cannot run, where the check ran on another", () => {
    const half = found(check("run: starts", "passed"), check("run: starts", "not_run", arm64));
    expect(judgeVerification(half, strict)).toMatchObject({ verdict: "passed", reasons: [expect.anything()] });
  });

  it("waits for a required `run:` check that ran nowhere: without an engine too", () => {
    const nowhere = found(check("proof", "passed"), check("run: starts", "not_run", arm64));
    expect(judgeVerification(nowhere, strict).verdict).toBe("not_run");
    expect(judgeVerification(nowhere, { requireRun: true, engineRuns: [] }).verdict).toBe("not_run");
  });

  it("takes two spellings of one platform for one", () => {
    const spelled = { ...check("run: starts", "not_run"), platform: { os: "linux", architecture: "x86_64" } };
    const all = found(spelled, check("run: starts", "passed", arm64));
    expect(judgeVerification(all, strict).verdict).toBe("not_run");
  });

  it("waits for a word that is wanted, whatever policy says", () => {
    const unheard = { ...check("compose: shop", "not_run"), wordWanted: true as const };
    expect(judgeVerification(found(unheard), { requireRun: false, engineRuns: [] }).verdict).toBe("not_run");
    expect(judgeVerification(found(check("compose: shop", "not_run")), strict).verdict).toBe("not_run");
    expect(
      judgeVerification(found(check("compose: shop", "not_run"), check("proof", "passed")), {
        requireRun: false,
        engineRuns: [],
      }).verdict,
    ).toBe("passed");
  });

  const anyCheck = fc.record({
    name: fc.constantFrom("proof", "bytes", "run: a", "run: b"),
    platform: fc.constantFrom(amd64, arm64),
    verdict: fc.constantFrom("passed", "failed", "warned", "not_run" as const),
    messages: fc.array(fc.string(), { maxLength: 2 }),
  });
  const policy = fc.record({ requireRun: fc.boolean(), engineRuns: fc.subarray([amd64, arm64]) });

  it("never passes a failed check, nor a required one that ran nowhere; says why it does not pass", () => {
    fc.assert(
      fc.property(fc.array(anyCheck, { maxLength: 6 }), policy, (checks, rules) => {
        const { verdict, reasons } = judgeVerification(found(...checks), rules);
        if (verdict !== "passed") expect(reasons.length).toBeGreaterThan(0);
        if (checks.some((one) => one.verdict === "failed")) expect(verdict).toBe("failed");
        else expect(verdict).not.toBe("failed");
        if (verdict === "passed" && rules.requireRun) {
          for (const one of checks.filter(({ name }) => name.startsWith("run: ")))
            expect(checks.some((other) => other.name === one.name && other.verdict !== "not_run")).toBe(true);
        }
      }),
    );
  });
});
