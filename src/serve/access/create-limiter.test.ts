import { describe, expect, it } from "vitest";
import { createLimiter } from "./create-limiter.ts";

function limiter(count: number, perMs: number) {
  const clock = { at: 1_000_000, now: () => clock.at };
  return { clock, ...createLimiter({ count, perMs }, clock) };
}

describe("createLimiter", () => {
  it("gives as many as were said at once, and then one whenever its time has passed", () => {
    const { clock, take, look } = limiter(3, 60_000);
    expect([take("a"), take("a"), take("a")]).toEqual([undefined, undefined, undefined]);
    expect(look("a")).toBe(20);
    expect(take("a")).toBe(20);
    expect(take("b")).toBeUndefined();
    clock.at += 19_000;
    expect(take("a")).toBe(1);
    clock.at += 1_000;
    expect(take("a")).toBeUndefined();
    expect(take("a")).toBe(20);
  });

  it("never lets through more than count + time × rate, whatever comes when", () => {
    const { clock, take } = limiter(5, 10_000);
    let passed = 0;
    for (let step = 0; step < 1000; step += 1) {
      clock.at += (step * 7919) % 200;
      for (let ask = 0; ask < 3; ask += 1) if (take("a") === undefined) passed += 1;
    }
    const most = 5 + ((clock.at - 1_000_000) * 5) / 10_000;
    expect(passed).toBeLessThanOrEqual(most);
    expect(passed).toBeGreaterThan(most - 2);
  });

  it("stands a clock that jumps", () => {
    const { clock, take } = limiter(1, 60_000);
    take("a");
    clock.at -= 86_400_000;
    expect(take("a")).toBe(60);
    clock.at += 2 * 86_400_000;
    expect([take("a"), take("a")]).toEqual([undefined, 60]);
  });

  it("remembers ten thousand callers, and forgets who asked longest ago", () => {
    const { take } = limiter(1, 60_000);
    take("first");
    for (let index = 0; index < 9_998; index += 1) take(`caller ${index}`);
    take("last");
    expect(take("first")).toBe(60);
    take("one more");
    expect(take("caller 0")).toBeUndefined();
    expect(take("last")).toBe(60);
  });
});
