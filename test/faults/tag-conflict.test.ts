import { describe, expect, it } from "vitest";
import { parseDocument } from "../../src/core/image/index.ts";
import { sha256, type Digest } from "../../src/lib/index.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();

/** Makes production of `image` name something that Tidemill never made, as `docker push` does. */
async function pushOther({ fleet, pointer }: Started, image: string): Promise<Digest> {
  const repository = fleet.ctx.repositoryOf(image);
  const mine = await pointer(image);
  const raw = mine === undefined ? undefined : await repository.manifest(mine);
  if (raw === undefined) throw new Error(`${image} is not there`);
  expect(parseDocument(raw).kind).toBe("manifest");
  const document = JSON.parse(Buffer.from(raw.bytes).toString()) as Record<string, unknown>;
  const bytes = Buffer.from(JSON.stringify({ ...document, annotations: { by: "somebody else" } }));
  const digest = sha256(bytes);
  await repository.putManifest({ ...raw, bytes, digest });
  await repository.tag(digest, "production", { ifMatch: mine ?? "absent" });
  return digest;
}

describe("FAULTS 7: a production tag that somebody else moved", () => {
  it(
    "is a conflict and an alarm, is never overwritten by the loop, and is taken back by a person",
    { timeout: 180_000 },
    async () => {
      const started = await fleets.start();
      const { run, operations, alarms, pointer, tag, clock, small, version } = started;
      const mine = await pointer("small-app");
      const other = await pushOther(started, "small-app");

      expect((await run()).alarms).toMatchObject([{ code: "tag-conflict", subject: "small-app:production" }]);
      expect(await tag("small-app")).toBe(other);
      const seen = (await operations.status({})).images.find(({ name }) => name === "small-app");
      expect(seen?.environments.find(({ name }) => name === "production")).toMatchObject({
        conflict: other,
        digest: mine,
      });

      // Nor is it overwritten by an update, whose other images go out.
      await small.publish(smallPackages({ libsmall1: "1.0-2" }));
      for (let pass = 0; pass < 3; pass += 1) {
        clock.jump(15 * minute);
        await run();
        expect(await tag("small-app")).toBe(other);
      }
      expect(await version("small-root", "libsmall1")).toBe("1.0-2");
      expect(await version("small-app", "libsmall1", "staging")).toBe("1.0-2");
      expect(await pointer("small-app")).toBe(mine);
      expect(await alarms()).toMatchObject([{ code: "tag-conflict" }]);

      const taken = await operations.promote({
        image: "small-app",
        environment: "production",
        by: "ada",
        reason: "ours",
      });
      expect(taken).toMatchObject({ kind: "promoted" });
      expect(await tag("small-app")).toBe(await pointer("small-app"));
      expect(await version("small-app", "libsmall1")).toBe("1.0-2");
      expect(await alarms()).toEqual([]);
      clock.jump(15 * minute);
      expect(await run()).toMatchObject({ failed: 0, alarms: [] });
      expect((await operations.status({})).rebuilds).toEqual([]);
    },
  );

  it("is over as well once whoever moved it moves it back", { timeout: 180_000 }, async () => {
    const started = await fleets.start();
    const { run, operations, alarms, pointer, fleet, clock } = started;
    const mine = await pointer("small-alone");
    const other = await pushOther(started, "small-alone");
    expect((await run()).alarms).toHaveLength(1);
    if (mine !== undefined) await fleet.ctx.repositoryOf("small-alone").tag(mine, "production", { ifMatch: other });
    clock.jump(15 * minute);
    expect(await run()).toMatchObject({ alarms: [], rolledBack: 0 });
    expect(await alarms()).toEqual([]);
    const seen = (await operations.status({})).images.find(({ name }) => name === "small-alone");
    expect(seen?.environments.map(({ conflict }) => conflict)).toEqual([null, null]);
  });

  it("that was deleted is put back", { timeout: 180_000 }, async () => {
    const { run, pointer, tag, fleet } = await fleets.start();
    await fleet.ctx.repositoryOf("small-alone").deleteManifest("production");
    expect(await tag("small-alone")).toBeUndefined();
    expect(await run()).toMatchObject({ alarms: [] });
    expect(await tag("small-alone")).toBe(await pointer("small-alone"));
  });
});
