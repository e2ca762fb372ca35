import { afterEach, describe, expect, it } from "vitest";
import type { Digest } from "../../src/lib/index.ts";
import { createSmallSystem } from "../faults/small-system.ts";
import { readEvidence } from "../../src/io/sign/index.ts";
import { smallPackages } from "../faults/small-fleet.ts";
import { createSignedFleet } from "./signed-fleet.ts";

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("a running system", () => {
  it("is not brought to a digest whose evidence is gone, until it is signed anew", { timeout: 180_000 }, async () => {
    const small = await createSignedFleet();
    ends.push(small.remove);
    await small.publish(smallPackages());
    const before = await small.open();
    await before.run(["small-alone"]);
    const digest = (await before.pointer("small-alone")) as Digest;
    const repository = before.fleet.ctx.repositoryOf("small-alone");
    for (const one of await repository.referrers(digest)) await repository.deleteManifest(one.digest);
    await before.close();

    const system = await createSmallSystem(small.folder);
    const shop = { environment: "production", images: ["small-alone"], command: system.command };
    await small.configure({ deployments: { shop }, evidence: { key: "mill.key" } });
    const open = await small.open();
    ends.push(open.close);
    await open.run(["small-alone"]);
    expect(await system.runs("small-alone")).toBeUndefined();
    const place = async () =>
      (await open.operations.status({ image: "small-alone" })).images[0]?.environments
        .flatMap(({ deployments }) => deployments)
        .at(-1);
    expect((await place())?.waiting).toMatch(
      /it has no provenance.*`tidemill evidence attach small-alone` signs it anew/,
    );
    expect(await open.operations.evidenceAttach({ image: "small-alone" })).toMatchObject({
      kind: "attached",
      added: 10,
    });
    expect(await open.operations.evidenceAttach({ image: "small-alone" })).toMatchObject({
      kind: "attached",
      added: 0,
    });
    await open.run(["small-alone"]);
    expect(await system.runs("small-alone")).toBe(digest);
    expect((await place())?.waiting).toBeNull();
  });
});

describe("two fleets that build the same", () => {
  it("say the same of it, but for times and ids", { timeout: 180_000 }, async () => {
    const said: string[][] = [];
    for (let time = 0; time < 2; time += 1) {
      const small = await createSignedFleet();
      ends.push(small.remove);
      await small.publish(smallPackages(), { date: 1_767_000_000_000 });
      const open = await small.open();
      ends.push(open.close);
      await open.run(["small-app"]);
      const digest = (await open.pointer("small-app")) as Digest;
      said.push(await documentsOf(open, digest));
    }
    expect(said[0]).toEqual(said[1]);
    expect(said[0]).toHaveLength(3);
  });
});

/** Bills and provenance, the latter without what is of one build only. */
async function documentsOf(
  open: Awaited<ReturnType<Awaited<ReturnType<typeof createSignedFleet>>["open"]>>,
  digest: Digest,
): Promise<string[]> {
  const { ctx } = open.fleet;
  const { trusted = [] } = (await ctx.evidence?.keys()) ?? {};
  const { found } = await readEvidence(ctx.repositoryOf("small-app"), digest, [digest], trusted);
  const own = found.filter(({ kind }) => kind === "sbom" || kind === "provenance");
  return own
    .map(({ kind, predicate }) =>
      JSON.stringify(predicate, (name, value: unknown) =>
        kind === "provenance" && ofOneBuild.has(name) ? undefined : value,
      ),
    )
    .sort((a, b) => (a < b ? -1 : 1));
}

const ofOneBuild = new Set(["metadata", "firstSeen", "at"]);
