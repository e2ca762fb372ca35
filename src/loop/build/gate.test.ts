import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createGate, mapBounded } from "./gate.ts";

/** Work that knows how many of it were under way at most. */
function counted(): { readonly most: () => number; readonly run: (value: number) => Promise<number> } {
  let running = 0;
  let most = 0;
  const run = async (value: number): Promise<number> => {
    running += 1;
    most = Math.max(most, running);
    await delay(value % 3);
    running -= 1;
    if (value === 13) throw new Error("13");
    return value * 2;
  };
  return { most: () => most, run };
}
const numbers = (count: number): number[] => Array.from({ length: count }, (_, at) => at);

describe("createGate", () => {
  it("lets so many through at a time, and goes on after a failure", async () => {
    const { most, run } = counted();
    const gate = createGate(3);
    const results = await Promise.allSettled(numbers(20).map((value) => gate(() => run(value))));
    expect(most()).toBe(3);
    expect(results.filter(({ status }) => status === "rejected")).toHaveLength(1);
  });
});

describe("mapBounded", () => {
  it("keeps the order of the items", async () => {
    const { most, run } = counted();
    expect(await mapBounded(numbers(12), 4, run)).toEqual(numbers(12).map((value) => value * 2));
    expect(most()).toBe(4);
    expect(await mapBounded([], 4, run)).toEqual([]);
  });

  it("begins nothing more after a failure, and throws it once all has ended", async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = mapBounded(numbers(100), 2, async (value) => {
      begun.push(value);
      await delay(value === 0 ? 20 : 1);
      ended += 1;
      if (value === 3) throw new Error("no");
    });
    await expect(work).rejects.toThrow("no");
    expect(begun).toEqual([0, 1, 2, 3]);
    expect(ended).toBe(4);
  });
});
