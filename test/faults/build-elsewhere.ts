import { join } from "node:path";
import { createFleetOperations } from "../../src/fleet-operations.ts";
import { openFleet } from "../../src/fleet.ts";
import { readEvidence } from "../../src/io/sign/index.ts";
import { createImageReader, createLayerStore } from "../../src/io/layer/index.ts";
import { createRegistryClient, createRegistryServer } from "../../src/io/registry/index.ts";
import { systemClock } from "../../src/lib/index.ts";
import { createRebase } from "../../src/serve/operations/index.ts";
import { pushImage } from "../../src/serve/operations/testdata/test-fleet.ts";

/** What a worker made: digests, and what it says of them. */
export interface Made {
  readonly images: Readonly<
    Record<string, { readonly digest: string; readonly said: readonly (readonly [type: string, predicate: unknown])[] }>
  >;
  readonly rebased: string;
  /** How this process saw the world. */
  readonly world: { readonly umask: number; readonly zone: string; readonly year: number };
}

/** Builds and promotes the fleet of a configuration in this process, whose clock is `aheadMs` ahead, and rebases an image; prints a {@link Made}. */
async function main([configPath = "", dataDir = "", ahead = "0", port = "0"]: readonly string[]): Promise<void> {
  const aheadMs = Number(ahead);
  const clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
  const { env } = process;
  const fleet = await openFleet({ configPath, dataDir, env, clock });
  const operations = createFleetOperations(fleet, { env, configPath, serving: undefined });
  await operations.run({});
  const { ctx } = fleet;
  const { trusted } = (await ctx.evidence?.keys()) ?? { trusted: [] };
  const images: Record<string, Made["images"][string]> = {};
  for (const { image, environment, digest } of await ctx.store.loadPointers()) {
    if (environment !== "production" || digest === null) continue;
    const { found } = await readEvidence(ctx.repositoryOf(image), digest, [digest], trusted);
    const said = found.map(({ predicateType, predicate }) => [predicateType, predicate] as const);
    images[image] = { digest, said: said.sort(([a], [b]) => (a < b ? -1 : 1)) };
  }
  await fleet.close();
  const world = { umask: process.umask(), zone: new Date(0).toString(), year: new Date(clock.now()).getFullYear() };
  const made: Made = { images, rebased: await rebaseOne(join(dataDir, "bases"), Number(port)), world };
  process.stdout.write(JSON.stringify(made));
}

/** The base's name stands in what is made, so that the registry has to have the same one elsewhere. */
async function rebaseOne(dir: string, port: number): Promise<string> {
  const server = await createRegistryServer({ dir });
  const { host } = await server.listen(port);
  const client = createRegistryClient();
  try {
    const push = (name: string, packages: Readonly<Record<string, string>>, tag: string) =>
      pushImage(client.repository(`${host}/${name}`), packages, {}, tag);
    await push("base", { "base-files": "1", libx: "1" }, "old");
    await push("base", { "base-files": "1", libx: "2" }, "new");
    await push("app", { "base-files": "1", libx: "1", app: "1" }, "1");
    const images = createImageReader(createLayerStore(join(dir, "layers")));
    const { signal } = new AbortController();
    const rebase = createRebase({ client, images, localFiles: false, signal });
    const done = await rebase({
      image: `${host}/app:1`,
      onto: `${host}/base:new`,
      oldBase: `${host}/base:old`,
      dryRun: false,
    });
    if (done.kind !== "rebased") throw new Error(JSON.stringify(done));
    return done.digest;
  } finally {
    await client.close();
    await server.close();
  }
}

if (process.argv[1]?.endsWith("build-elsewhere.ts") === true) await main(process.argv.slice(2));
