import { describe, expect, it } from "vitest";
import { shareRuns } from "./share-runs.ts";

describe("shareRuns", () => {
  it("makes two runs of ten thousand askers, of which all but the first see what came before they asked", async () => {
    let runs = 0;
    const ask = shareRuns(async () => {
      runs += 1;
      const own = runs;
      await new Promise((resolve) => setTimeout(resolve, 5));
      return own;
    });
    const answers = await Promise.all(Array.from({ length: 10_000 }, () => ask()));
    expect(answers[0]).toBe(1);
    expect(new Set(answers.slice(1))).toEqual(new Set([2]));
    expect(await ask()).toBe(3);
  });

  it("goes on after a run that failed, which only those see who shared it", async () => {
    let runs = 0;
    const ask = shareRuns(() => {
      runs += 1;
      return runs === 1 ? Promise.reject(new Error("away")) : Promise.resolve(runs);
    });
    const first = ask();
    const second = ask();
    await expect(first).rejects.toThrow("away");
    expect(await second).toBe(2);
    expect(await ask()).toBe(3);
  });
});
