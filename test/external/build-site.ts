import { createRegistryClient, type Repository } from "../../src/io/registry/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { createMill, requestOf } from "../../src/loop/build/testdata/mill.ts";
import type { DebSpec } from "../fakes/make-deb.ts";
import { smallRelease } from "../faults/owner.ts";

/** What a pipeline builds with: it assembles an image of packages, and pushes it to a registry over HTTP. */
export interface BuildSite {
  /** Builds and pushes to `host[:port]/path`, under a tag where one is given. */
  build(
    place: string,
    packages: readonly DebSpec[],
    tag?: string,
    labels?: Readonly<Record<string, string>>,
  ): Promise<Digest>;
  close(): Promise<void>;
}

export async function createBuildSite(): Promise<BuildSite> {
  const mill = await createMill();
  const client = createRegistryClient({ retries: 0 });
  return {
    build: async (place, packages, tag, labels = {}) => {
      const repository: Repository = client.repository(place);
      const records = await Promise.all([...packages, smallRelease].map((spec) => mill.put(spec)));
      const { digest } = await mill.assembler().assemble(requestOf(records, { run: { labels } }), repository);
      if (tag !== undefined) await repository.tag(digest, tag);
      return digest;
    },
    close: async () => {
      await client.close();
      await mill.remove();
    },
  };
}
