import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createRegistryClient, createRegistryServer } from "../../src/io/registry/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { createMill, requestOf } from "../../src/loop/build/testdata/mill.ts";
import type { DebSpec } from "../fakes/make-deb.ts";
import type { OpenFleet } from "./small-fleet.ts";

/** Somebody else who publishes images, in a registry of their own. */
export interface Owner {
  /** What the image is pulled by, without tag. */
  readonly name: string;
  /** Assembles their image of these packages, and moves their tag to it. */
  publish(packages: readonly DebSpec[], tag?: string, labels?: Readonly<Record<string, string>>): Promise<Digest>;
  close(): Promise<void>;
}

/** What makes an image tell its release: the small archive's. */
export const smallRelease: DebSpec = {
  name: "small-release",
  version: "1.0-1",
  architecture: "all",
  entries: [{ path: "usr/lib/os-release", content: 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=small\n' }],
};

export async function createOwner(): Promise<Owner> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-owner-"));
  const mill = await createMill();
  const server = await createRegistryServer({ dir: folder });
  const { host } = await server.listen(0);
  const client = createRegistryClient({ retries: 0 });
  const repository = client.repository(`${host}/theirs`);
  return {
    name: `${host}/theirs`,
    publish: async (packages, tag = "1", labels = {}) => {
      const records = await Promise.all(packages.map((spec) => mill.put(spec)));
      const { digest } = await mill.assembler().assemble(requestOf(records, { run: { labels } }), repository);
      await repository.tag(digest, tag);
      return digest;
    },
    close: async () => {
      await client.close();
      await server.close();
      await mill.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Has an owner's newest image looked at until it is believed. A registry tells the time in whole seconds: what was pushed in this one is young by its clock. */
export async function lookUntilSeen(
  { operations, fleet }: Pick<OpenFleet, "operations" | "fleet">,
  owner: Pick<Owner, "name">,
): Promise<void> {
  const believed = async (): Promise<string | undefined> =>
    [...(await fleet.ctx.believedBases()).values()].find(({ name }) => name.startsWith(owner.name))?.believed?.digest;
  const before = await believed();
  for (let tries = 0; tries < 10 && (await believed()) === before; tries += 1) {
    await delay(1100);
    await operations.look({ references: [`${owner.name}:1`] });
  }
}
