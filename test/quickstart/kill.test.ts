import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { missingApt } from "../apt/apt-oracle.ts";
import { needs } from "../needs.ts";
import { readPointers, runQuickstart, runTidemill, tideConfig } from "./run-quickstart.ts";

const missing = await missingApt();

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-kill-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A minute's worth, and where every part is required, all of them. */
const [tideKills, realKills] = process.env["TIDEMILL_TEST_REQUIRE"] === "all" ? [6, 60] : [12, 8];

/** Which moments were hit is not the same twice: that is the point. */
const random = Math.random;

interface Tour {
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * Kills the tour `kills` times at random moments, from its first breath to its last, beginning anew whenever it came to its end, and compares what every round ends in with a tour that nobody
 * disturbed. Between rounds only what can be made again stays.
 */
async function killAtRandom(tour: Tour, kills: number): Promise<number> {
  const calm = join(folder, `${tour.name}-calm`);
  const args = (data: string): string[] => [...tour.args, "--data", data];
  const first = await runQuickstart(args(calm));
  expect(first).toMatchObject({ failed: 0 });
  const expected = await readPointers(calm);
  expect(Object.values(expected)).not.toContain(null);

  // What a whole tour takes now, with a warm cache: kills fall all over it.
  const warm = join(folder, `${tour.name}-warm`);
  await cp(join(calm, "cache"), join(warm, "cache"), { recursive: true });
  const began = performance.now();
  await runQuickstart(args(warm));
  const wholeMs = performance.now() - began;

  let done = 0;
  let rounds = 0;
  /** A round; whether there are more to come. */
  const work = async (): Promise<boolean> => {
    const data = join(folder, `${tour.name}-${rounds}`);
    rounds += 1;
    await cp(join(calm, "cache"), join(data, "cache"), { recursive: true });
    for (let killed = true; killed && done < kills;) {
      const ended = await runTidemill(["quickstart", "--exit", "--json", ...args(data)], {
        killAfterMs: 50 + random() * wholeMs,
      });
      killed = ended.status === null;
      if (killed) done += 1;
      else expect(ended.status, ended.err).toBe(0);
    }
    await runQuickstart(args(data));
    expect(await readPointers(data)).toEqual(expected);
    await rm(data, { recursive: true, force: true });
    return done < kills;
  };
  // Two tours side by side, each in a folder of its own: one alone leaves half of the machine idle.
  const lane = async (): Promise<void> => {
    for (let goesOn = true; goesOn;) goesOn = await work();
  };
  await Promise.all([lane(), lane()]);
  return rounds;
}

describe("a quickstart that is killed", () => {
  it("ends in the same digests on the shipped archive", { timeout: 600_000 }, async () => {
    expect(await killAtRandom({ name: "tide", args: ["--config", tideConfig] }, tideKills)).toBeGreaterThan(0);
  });

  needs(missing)(
    `ends in the same digests on real packages, after ${realKills} kills`,
    async () => {
      expect(await killAtRandom({ name: "debian", args: [] }, realKills)).toBeGreaterThan(0);
    },
    1_800_000,
  );
});
