import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Digest } from "../../lib/index.ts";
import { afterLook, decideRun, runInputs, settleMs, tooLarge, type RunFacts, type RunOrder } from "./index.ts";

const digest: Digest = `sha256:${"a".repeat(64)}`;
const rules = { poll: 30_000, timeout: 3_600_000, retries: 1 };
const now = 1_800_000_000_000;
const run = (change: Partial<RunFacts> = {}): RunFacts => ({
  state: "running",
  noCache: false,
  digest: null,
  reason: null,
  askedAt: now - 60_000,
  triedAt: now - 60_000,
  succeededAt: null,
  lookAt: now,
  ...change,
});

describe("decideRun", () => {
  it.each<[string, RunFacts[], boolean, string]>([
    ["nothing was asked", [], false, "intend"],
    ["it was intended, and never asked for", [run({ state: "intended", triedAt: null })], false, "start"],
    ["whether it has begun is not known", [run({ state: "intended" })], false, "find"],
    ["it runs, and is due", [run()], false, "look"],
    ["it runs, and is not due", [run({ lookAt: now + 1 })], false, "wait"],
    ["the clock was set back", [run({ lookAt: now + 10 * 3_600_000 })], false, "look"],
    ["it gave a digest", [run({ state: "given", digest })], false, "take"],
    ["what it gave was not new", [run({ state: "given", digest })], true, "intend"],
    ["it gave one without caches", [run({ state: "given", digest, noCache: true })], true, "take"],
    ["it failed once", [run({ state: "failed" })], false, "intend"],
    ["it failed too often", [run({ state: "failed" }), run({ state: "late" })], false, "give-up"],
    [
      "it failed without caches, once",
      [run({ state: "failed" }), run({ state: "failed", noCache: true })],
      true,
      "intend",
    ],
    ["nobody wanted it", [run({ state: "withdrawn" })], false, "intend"],
  ])("%s", (_what, runs, noCache, kind) => {
    expect(decideRun(runs, noCache, rules, now).kind).toBe(kind);
  });

  it("asks for no more runs than its retries let it, whatever becomes of them", () => {
    const ends = fc.array(fc.constantFrom("failed" as const, "late" as const), { minLength: 0, maxLength: 8 });
    fc.assert(
      fc.property(ends, fc.integer({ min: 0, max: 5 }), (states, retries) => {
        const step = decideRun(
          states.map((state) => run({ state })),
          false,
          { ...rules, retries },
          now,
        );
        expect(step.kind === "intend").toBe(states.length <= retries);
      }),
    );
  });
});

describe("afterLook", () => {
  it("ends what is too late, and what succeeded and says nothing; else it waits, and never past its time", () => {
    expect(afterLook(run(), false, rules, now)).toEqual({ kind: "wait", until: now + 30_000 });
    expect(afterLook(run({ askedAt: now - rules.timeout + 5000 }), false, rules, now)).toEqual({
      kind: "wait",
      until: now + 5000,
    });
    expect(afterLook(run({ askedAt: now - rules.timeout }), false, rules, now)).toMatchObject({
      kind: "end",
      state: "late",
    });
    expect(afterLook(run(), true, rules, now)).toMatchObject({ kind: "wait" });
    expect(afterLook(run({ succeededAt: now - 60_000 }), true, rules, now)).toMatchObject({
      kind: "end",
      state: "failed",
    });
    expect(settleMs).toBeLessThan(rules.timeout);
  });
});

const order = (change: Partial<RunOrder> = {}): RunOrder => ({
  rebuild: "1",
  name: "tidemill-1",
  image: "shop",
  repository: "registry.example/shop",
  platforms: ["linux/amd64"],
  reason: "zlib1g 1.2",
  causes: [],
  bases: {},
  source: undefined,
  noCache: false,
  callback: undefined,
  ...change,
});

describe("runInputs", () => {
  it("stays within what GitHub takes, whatever the plan holds, and its causes stay JSON", () => {
    const causes = fc.array(fc.record({ kind: fc.string(), packages: fc.array(fc.string({ unit: "binary" })) }), {
      maxLength: 400,
    });
    fc.assert(
      fc.property(causes, fc.string({ maxLength: 5000, unit: "binary" }), (list, reason) => {
        const many = [
          ...list,
          ...Array.from({ length: 200 }, (_, at) => ({ kind: "package", packages: [`${at}`.repeat(200)] })),
        ];
        const asked = order({ causes: many, reason, callback: { url: "https://t.example/pipelines/1", token: "t" } });
        const inputs = runInputs(asked);
        expect(Object.keys(inputs).length).toBeLessThanOrEqual(25);
        expect(Object.entries(inputs).join("").length).toBeLessThan(65_535);
        expect(tooLarge(asked)).toBeUndefined();
        const told = JSON.parse(inputs["causes"] ?? "") as { leftOut?: number }[];
        const left = told.at(-1)?.leftOut ?? 0;
        expect(told.length - (left > 0 ? 1 : 0) + left).toBe(many.length);
        expect(inputs["reason"]?.isWellFormed() === true || !reason.isWellFormed()).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it("leaves no base out: what is too large is said, and not asked for", () => {
    const bases = Object.fromEntries(Array.from({ length: 300 }, (_, at) => [`registry.example/base-${at}:1`, digest]));
    expect(tooLarge(order({ bases }))).toContain("bases");
  });
});
