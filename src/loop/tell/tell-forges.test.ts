import { afterEach, describe, expect } from "vitest";
import { startForge, type FakeForge } from "../../../test/fakes/fake-forge.ts";
import { describeStores } from "../../../test/fakes/stores.ts";
import { build, firstCommit, secondCommit, tellConfig, tellOnce, type ForgeKind } from "./testdata/tell-site.ts";

const open: FakeForge[] = [];
afterEach(() => Promise.all(open.splice(0).map((forge) => forge.close())));
async function start(kind: ForgeKind): Promise<FakeForge> {
  const forge = await startForge(kind);
  open.push(forge);
  return forge;
}
const minute = 60_000;

describeStores("telling forges", ({ it, store, clock }) => {
  describe("what became of commits", () => {
    it("has a status for each environment, and a deployment that goes on from state to state", async () => {
      const forge = await start("github");
      const config = tellConfig("github", forge.api);
      await build(store(), "web", "a", firstCommit, { promote: "confirmed" });
      await build(store(), "quiet", "c", firstCommit, { promote: "confirmed" });
      expect(await tellOnce(store(), config, clock)).toBeUndefined();
      expect(forge.statuses.map(({ context, state, sha }) => `${context} ${state} ${sha[0]}`).sort()).toEqual([
        "tidemill/web/production success 1",
        "tidemill/web/staging success 1",
      ]);
      expect(forge.deployments).toMatchObject([
        { sha: firstCommit, environment: "production/web", states: ["success"], task: "tidemill" },
      ]);
      clock.advance(minute);
      await build(store(), "web", "b", secondCommit, { promote: "intent" });
      await tellOnce(store(), config, clock);
      expect(forge.deployments.map(({ sha, states }) => [sha[0], states])).toEqual([
        ["1", ["success", "inactive"]],
        ["2", ["in_progress"]],
      ]);
      const asked = forge.asked.length;
      await tellOnce(store(), config, clock);
      expect(forge.asked).toHaveLength(asked);
    });

    it("is a status alone at Gitea, and failure where a verification failed", async () => {
      const forge = await start("gitea");
      await build(store(), "web", "a", firstCommit, { verdict: "failed" });
      await build(store(), "other", "b", firstCommit, { promote: "confirmed" });
      await tellOnce(store(), tellConfig("gitea", forge.api), clock);
      expect(
        forge.statuses
          .filter(({ state }) => state === "failure")
          .map(({ context }) => context)
          .sort(),
      ).toEqual(["tidemill/web/production", "tidemill/web/staging"]);
      expect(forge.asked.filter((asked) => asked.includes("deployments"))).toEqual([]);
    });
  });

  describe("a forge that fails", () => {
    it("keeps no other one waiting, is asked after growing pauses, and is told of in the end", async () => {
      const [forge, other] = [await start("gitlab"), await start("gitlab")];
      const config = tellConfig("gitlab", forge.api, other.api);
      await build(store(), "web", "a", firstCommit);
      await build(store(), "other", "b", firstCommit, { promote: "confirmed" });
      let untold: string | undefined;
      for (let pass = 0; pass < 4; pass += 1) {
        forge.spoil({ status: 401 }, { status: 502 });
        untold = await tellOnce(store(), config, clock);
        expect(forge.asked).toHaveLength(2 * (pass + 1));
        await tellOnce(store(), config, clock);
        expect(forge.asked).toHaveLength(2 * (pass + 1));
        expect(other.statuses).toHaveLength(2);
        expect(other.deployments).toHaveLength(1);
        clock.advance(20 * minute);
      }
      expect(untold).toMatch(/^web: .*(?:401|502)/);
      expect(await tellOnce(store(), config, clock)).toBeUndefined();
      expect(forge.statuses).toHaveLength(2);
    });
  });
});
