import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { storeKinds } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import type { StorePlace } from "./open-store.ts";
import type { Said } from "./testdata/crash-worker.ts";

const worker = fileURLToPath(new URL("testdata/crash-worker.ts", import.meta.url));

interface Life {
  readonly number: number;
  readonly place: StorePlace;
  readonly effects: string;
  /** Where it kills itself. */
  readonly dieAt?: string;
  /** It is killed so many milliseconds after it has said so many lines. */
  readonly kill?: { readonly lines: number; readonly afterMs: number };
}

/** Lets the worker live until it is killed; resolves to what it said. */
async function live(life: Life): Promise<Said[]> {
  const child = spawn(
    process.execPath,
    [worker, JSON.stringify(life.place), life.effects, String(life.number), life.dieAt ?? ""],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const { lines = Infinity, afterMs = 0 } = life.kill ?? {};
  const reached = Promise.withResolvers<void>();
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text.split("\n").length > lines) reached.resolve();
  });
  const ended = once(child, "close");
  const limit = setTimeout(() => child.kill("SIGTERM"), 30_000);
  if (lines === 0) reached.resolve();
  await Promise.race([reached.promise, ended]);
  if (life.kill !== undefined) {
    await delay(afterMs);
    child.kill("SIGKILL");
  }
  const [, signal] = (await ended) as [number | null, string | null];
  clearTimeout(limit);
  expect(signal, text).toBe("SIGKILL");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Said);
}

/** Holds what was said by every life against what the next one finds. */
function createWitness(): { hear: (said: readonly Said[], life: string) => void; confirmed: () => number } {
  const intents = new Map<string, string>();
  const confirmed = new Map<string, string>();
  return {
    confirmed: () => confirmed.size,
    hear: (said, life) => {
      for (const one of said) {
        if (one.said === "intent") intents.set(one.id, one.digest);
        if (one.said === "confirmed") confirmed.set(one.id, one.digest);
        if (one.said !== "open") continue;
        expect(one.audit, life).toBe("intact");
        const found = new Map(one.promotions.map((promotion) => [promotion.id, promotion]));
        for (const [id, digest] of intents) expect(found.get(id)?.digest, `an intent was lost: ${life}`).toBe(digest);
        for (const [id] of confirmed) expect(found.get(id)?.state, `a promotion was lost: ${life}`).toBe("confirmed");
        expect(one.promotions.filter(({ state }) => state === "intent").length, life).toBeLessThanOrEqual(1);
        const newest = one.promotions.find(({ state }) => state === "confirmed");
        expect(one.tag, `the pointer is another: ${life}`).toBe(newest?.digest ?? null);
      }
    },
  };
}

describe("SIGKILL while a database is made", () => {
  it("leaves nothing that a start right after it stumbles over, and nothing that stays", async () => {
    const dir = await mkdtemp(join(tmpdir(), "tidemill-crash-"));
    const place = { dir: join(dir, "data") };
    const effects = join(dir, "effects");
    try {
      for (const [number, afterMs] of [500, 700, 900, 1_200, 1_500].entries())
        await live({ number, place, effects, kill: { lines: 0, afterMs } });
      const [opened] = await live({ number: 9, place, effects, dieAt: "after the commit" });
      expect(opened).toMatchObject({ said: "open", audit: "intact" });
      const unfinished = async (): Promise<string[]> =>
        (await readdir(place.dir)).filter((name) => name.startsWith("pglite."));
      await expect.poll(unfinished, { timeout: 20_000 }).toEqual([]);
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }, 180_000);
});

describe.each(storeKinds)("SIGKILL ($name)", (kind) => {
  const it = needs(kind.missing);

  it("before an effect, after it and before its commit, after it, and at 17 random moments: nothing confirmed is lost, nothing is done twice", async () => {
    const { place, remove } = await kind.createPlace();
    const folder = await mkdtemp(join(tmpdir(), "tidemill-crash-"));
    const effects = join(folder, "effects");
    const witness = createWitness();
    let number = 0;
    try {
      for (const dieAt of ["before the effect", "after the effect, before its commit", "after the commit"]) {
        witness.hear(await live({ number: (number += 1), place, effects, dieAt }), dieAt);
      }
      for (let count = 0; count < 17; count += 1) {
        // Every fourth is killed while it opens its store. The others are killed at work, some after a promotion or three: they must
        // have said so much first, so that a slow machine has as much to lose as a fast one.
        const lines = count % 4 === 0 ? 0 : 1 + (count % 7);
        const kill = { lines, afterMs: Math.random() * (lines === 0 ? 1_500 : 30) };
        witness.hear(
          await live({ number: (number += 1), place, effects, kill }),
          `killed ${kill.afterMs} ms after ${lines} lines`,
        );
      }
      witness.hear(await live({ number: (number += 1), place, effects, dieAt: "after the commit" }), "the last");
      const done = (await readFile(effects, "utf8")).split("\n").slice(0, -1);
      expect(new Set(done).size).toBe(done.length);
      expect(witness.confirmed()).toBeGreaterThan(10);
    } finally {
      await remove();
      await rm(folder, { recursive: true, force: true });
    }
  }, 240_000);
});
