import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunConfig } from "../../src/core/layer/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type Repository,
} from "../../src/io/registry/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { createMill, requestOf } from "../../src/loop/build/testdata/mill.ts";
import { realPackages } from "../../src/loop/build/testdata/real-packages.ts";
import { findDebianMirror } from "../apt/debian-mirror.ts";
import { docker } from "../assembly/docker-run.ts";

/** A registry on loopback that docker and we both use, for bases of our own and images that docker builds on them. */
export interface DockerImages {
  readonly host: string;
  readonly client: RegistryClient;
  repository(name: string): Repository;
  /** Assembles a base with apt in it from what these suites offer, and pushes it under `name:tag`. */
  assembleBase(
    name: string,
    tag: string,
    suites: readonly string[],
    roots: readonly string[],
    run?: RunConfig,
  ): Promise<Digest>;
  /** Builds a Dockerfile's text on what the registry has, and pushes it. */
  build(name: string, tag: string, dockerfile: string, files?: Readonly<Record<string, string>>): Promise<Digest>;
  /** Docker's own name for a digest that it may run. */
  pull(name: string, digest: Digest): Promise<string>;
  close(): Promise<void>;
}

export async function createDockerImages(): Promise<DockerImages> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-rebase-"));
  const mill = await createMill();
  const server = await createRegistryServer({ dir: join(folder, "registry") });
  const { host } = await server.listen(0);
  const client = createRegistryClient();
  const names = new Set<string>();
  const repository = (name: string): Repository => client.repository(`${host}/${name}`);
  const must = async (words: readonly string[]): Promise<string> => {
    const { status, output } = await docker(words);
    if (status !== 0) throw new Error(`docker ${words.join(" ")}: ${output.slice(-4000)}`);
    return output;
  };
  const pull = async (reference: string): Promise<string> => {
    await must(["pull", "--quiet", reference]);
    names.add(reference);
    return reference;
  };
  return {
    host,
    client,
    repository,
    assembleBase: async (name, tag, suites, roots, run = {}) => {
      const real = await realPackages(suites);
      const assembler = mill.assembler({ fetchPackage: (record) => real.fetch(record) });
      const packages = real.resolve(roots, { essential: true });
      const request = requestOf(packages, { image: `${name}-${tag}`, run });
      const { digest } = await assembler.assemble(request, repository(name));
      await repository(name).tag(digest, tag);
      return digest;
    },
    build: async (name, tag, dockerfile, files = {}) => {
      const context = await mkdtemp(join(folder, "context-"));
      for (const [path, text] of Object.entries(files)) await writeFile(join(context, path), text);
      await writeFile(join(context, "Dockerfile"), dockerfile);
      const reference = `${host}/${name}:${tag}`;
      names.add(reference);
      for (const [, base = ""] of dockerfile.matchAll(/^FROM (\S+)/gm)) await pull(base);
      await must(["build", "--quiet", "--network", "host", "--tag", reference, context]);
      await must(["push", "--quiet", reference]);
      const found = await repository(name).resolve(tag);
      if (found === undefined) throw new Error(`${reference} was not pushed`);
      return found.digest;
    },
    pull: (name, digest) => pull(`${host}/${name}@${digest}`),
    close: async () => {
      await docker(["rmi", "--force", ...names]);
      await client.close();
      await server.close();
      await mill.remove();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Lines for apt's sources.list. */
export function sourcesOf(suites: readonly string[]): string {
  const mirror = findDebianMirror();
  return suites
    .map((suite) => `deb ${(suite.endsWith("-security") ? mirror?.security : mirror?.archive) ?? ""} ${suite} main\n`)
    .join("");
}
