import { spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { startForge } from "../../../test/fakes/fake-forge.ts";
import { createPgliteDir } from "../../../test/fakes/stores.ts";
import { openStore } from "../../io/store/index.ts";
import { manualClock, silentLogger } from "../../lib/index.ts";
import { build, firstCommit, tellConfig } from "./testdata/tell-site.ts";

const program = fileURLToPath(new URL("testdata/tell-process.ts", import.meta.url));
const begun = Date.UTC(2026, 0, 5);
const leaseMs = 11 * 60_000;

describe.each(["github", "gitlab"] as const)("telling %s, killed at every question", (kind) => {
  it("says everything, and nothing twice", { timeout: 240_000 }, async () => {
    const dir = await createPgliteDir();
    const forge = await startForge(kind);
    const clock = manualClock(begun);
    const store = await openStore({ dir }, { clock, log: silentLogger() });
    await build(store, "web", "a", firstCommit, { promote: "confirmed" });
    await store.close();
    expect(tellConfig(kind, forge.api).images["web"]).toBeDefined();
    let kills = 0;
    let moment = begun;
    // Each process comes one question further than what the one before it was killed at, before or after the effect.
    for (let isDone = false; !isDone && kills < 40; moment += leaseMs) {
      const still = forge.stall(Math.floor(kills / 2) % 3, kills % 2 === 1).then(() => "still" as const);
      const child = spawn(process.execPath, [program, dir, kind, forge.api, `${moment}`], { stdio: "inherit" });
      const ended = once(child, "exit").then(([status]) => ({ status: status as number | null }));
      const first = await Promise.race([still, ended]);
      if (first === "still") {
        child.kill("SIGKILL");
        await ended;
        kills += 1;
      } else {
        expect(first.status).toBe(0);
        isDone = true;
      }
    }
    await forge.close();
    await rm(dir, { recursive: true, force: true });
    expect(kills).toBeGreaterThan(3);
    expect(kills).toBeLessThan(40);
    expect(forge.statuses.map(({ context, state }) => `${context} ${state}`).sort()).toEqual([
      "tidemill/web/production success",
      "tidemill/web/staging success",
    ]);
    const states = kind === "github" ? ["success"] : ["running", "success"];
    expect(forge.deployments.map(({ sha, states: said }) => [sha, said])).toEqual([[firstCommit, states]]);
  });
});
