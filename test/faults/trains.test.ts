import { describe, expect, it } from "vitest";
import { sha256 } from "../../src/lib/index.ts";
import { smallFleets, type Started } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { minute, smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const shop = { name: "shop", images: ["small-alone", "small-app", "small-root"] };
const ada = { by: "ada", reason: "drill" };
const update = (release: string) =>
  smallPackages({ libsmall1: `1.0-${release}`, "small-tool": `1.0-${release}`, "small-gauge": `1.0-${release}` });

async function startTrain(): Promise<Started> {
  return fleets.start({ environments: [{ name: "staging" }, { name: "production", trains: [shop] }] });
}

const versions = async ({ version }: Started): Promise<(string | undefined)[]> => [
  await version("small-alone", "small-gauge"),
  await version("small-app", "small-tool"),
  await version("small-root", "libsmall1"),
];
const all = (release: string): string[] => Array.from({ length: 3 }, () => `1.0-${release}`);

async function passes({ run, clock }: Started, count: number): Promise<void> {
  for (let pass = 0; pass < count; pass += 1) {
    clock.jump(2 * minute);
    await run();
  }
}

describe("images of one train", () => {
  it("come to an environment together, a parent and its child among them", { timeout: 180_000 }, async () => {
    const started = await startTrain();
    const { small, run, operations } = started;
    expect(await versions(started)).toEqual(all("1"));
    await operations.hold({ image: "small-root", environment: "production", ...ada });
    await small.publish(update("2"));
    await run();
    await passes(started, 2);
    expect(await versions(started)).toEqual(all("1"));
    expect(await started.version("small-alone", "small-gauge", "staging")).toBe("1.0-2");
    const [waiting] = (await operations.status({ image: "small-alone" })).rebuilds;
    expect(waiting).toMatchObject({ step: "promote", environment: "production" });
    const held = (await operations.status({})).rebuilds.find(({ image }) => image === "small-alone");
    expect(held?.reason).toContain("the train shop waits for small-root");
    await operations.resume({ image: "small-root", environment: "production", ...ada });
    await passes(started, 3);
    expect(await versions(started)).toEqual(all("2"));
    await expectInvariants(started);
  });

  it("leave without those of whom nothing is under way", { timeout: 180_000 }, async () => {
    const started = await startTrain();
    await started.small.publish(smallPackages({ "small-gauge": "1.0-2" }));
    await started.run();
    expect(await versions(started)).toEqual(["1.0-2", "1.0-1", "1.0-1"]);
  });

  it("go back where one of them cannot be confirmed, and come again with it", { timeout: 180_000 }, async () => {
    const started = await startTrain();
    const { small, run, operations, fleet, pointer } = started;
    // Somebody else's image under the tag of one of them.
    const repository = fleet.ctx.repositoryOf("small-root");
    const mine = await pointer("small-root");
    const raw = mine === undefined ? undefined : await repository.manifest(mine);
    if (raw === undefined) throw new Error("small-root is not there");
    const document = JSON.parse(Buffer.from(raw.bytes).toString()) as Record<string, unknown>;
    const bytes = Buffer.from(JSON.stringify({ ...document, annotations: { by: "somebody else" } }));
    await repository.putManifest({ ...raw, bytes, digest: sha256(bytes) });
    await repository.tag(sha256(bytes), "production", {});

    await small.publish(update("2"));
    await run();
    await passes(started, 2);
    expect(await versions(started)).toEqual(all("1"));
    expect((await operations.status({})).quarantines).toEqual([]);
    await expect(operations.promote({ image: "small-root", environment: "production", ...ada })).resolves.toMatchObject(
      {
        kind: "promoted",
      },
    );
    await passes(started, 3);
    expect(await versions(started)).toEqual(all("2"));
    await expectInvariants(started);
  });
});
