import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { systemClock, type SteadyMoment } from "./index.ts";

const module = fileURLToPath(new URL("./index.ts", import.meta.url));

describe("systemClock.steady", () => {
  it("goes on from one process to the next on one start of a machine, whatever the time of day is said to be", async () => {
    const before = systemClock.steady?.();
    await systemClock.sleep(50);
    // A process that is told a time zone and knows nothing of ours but the file.
    const script = `import(${JSON.stringify(module)}).then(({ systemClock }) => console.log(JSON.stringify(systemClock.steady())))`;
    const answer = execFileSync(process.execPath, ["-e", script], { encoding: "utf8", env: { TZ: "Asia/Tokyo" } });
    const other = JSON.parse(answer) as SteadyMoment;
    const after = systemClock.steady?.();
    if (before === undefined || after === undefined) throw new Error("there is no steady clock");
    expect(after.ms - before.ms).toBeGreaterThanOrEqual(50);
    if (process.platform !== "linux") return;
    expect(other.start).toBe(before.start);
    expect(other.ms).toBeGreaterThanOrEqual(before.ms + 50);
    expect(other.ms).toBeLessThanOrEqual(after.ms);
  });
});
