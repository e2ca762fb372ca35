import { describe, expect } from "vitest";
import { missingDocker } from "../assembly/docker-run.ts";
import { startForge } from "../fakes/fake-forge.ts";
import { smallFleets } from "../faults/fixture.ts";
import { makeRepository } from "../../src/io/git/testdata/repository.ts";
import { needs } from "../needs.ts";

const fleets = smallFleets();
const missing = await missingDocker();

describe("a fleet that tells a forge", () => {
  needs(missing)(
    "has a status of the commit that an image is built from, and a deployment when it is in production",
    async () => {
      const forge = await startForge("github");
      fleets.onEnd(() => forge.close());
      const source = await makeRepository();
      const first = await source.commit({ Dockerfile: "FROM small-root\nCOPY hello /srv/hello\n", hello: "one\n" });
      const report = { provider: "github", api: forge.api, repository: "acme/stack" };
      const web = { recipe: "dockerfile", git: { url: `file://${source.folder}`, ref: "main" }, report };
      const env = {
        DOCKER_HOST: "unix:///var/run/docker.sock",
        TIDEMILL_FORGE_TOKEN: "made-up-token",
        PATH: process.env["PATH"] ?? "",
      };
      const small = await fleets.create({ images: { web } }, env);
      const { run, events } = await fleets.open(small);
      expect(await run(), JSON.stringify(events.filter(({ kind }) => kind === "failed"))).toMatchObject({
        built: 4,
        failed: 0,
        alarms: [],
      });
      const told = () =>
        forge.statuses.map(({ context, state, sha }) => `${context} ${state} ${sha === first ? 1 : 2}`).sort();
      expect(told()).toEqual(["tidemill/web/production success 1", "tidemill/web/staging success 1"]);
      const deployed = (where: string) =>
        forge.deployments
          .filter(({ environment }) => environment === `${where}/web`)
          .map(({ sha, states }) => [sha, ...states]);
      expect(deployed("staging")).toEqual([[first, "success"]]);
      expect(deployed("production")).toEqual([[first, "success"]]);
      const second = await source.commit({ hello: "two\n" });
      await run();
      for (const where of ["staging", "production"])
        expect(deployed(where)).toEqual([
          [first, "success", "inactive"],
          [second, "success"],
        ]);
      expect(told()).toHaveLength(4);
    },
    180_000,
  );
});
