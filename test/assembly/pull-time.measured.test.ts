import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip, createGzip } from "node:zlib";
import { extract, pack } from "tar-stream";
import { afterAll, beforeAll, describe, expect } from "vitest";
import {
  mediaTypes,
  parseManifest,
  type Descriptor,
  type ImageConfig,
  type RawManifest,
} from "../../src/core/image/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
  type Repository,
} from "../../src/io/registry/index.ts";
import { collectBytes, sha256, type Digest } from "../../src/lib/index.ts";
import { createMill, requestOf, type Mill } from "../../src/loop/build/testdata/mill.ts";
import { missingMirror, realPackages } from "../../src/loop/build/testdata/real-packages.ts";
import { needs } from "../needs.ts";
import { docker, missingDocker } from "./docker-run.ts";
import { startOwnDocker, type OwnDocker } from "../own-docker.ts";

const run = promisify(execFile);
const missing = (await missingMirror()) ?? (await missingDocker());
const suites = ["bookworm", "bookworm-updates", "bookworm-security"];
const base = ["base-files", "base-passwd", "libc6", "libc-bin", "ca-certificates", "netbase", "tzdata"];
/** Pulls of each side: as many as it takes for the best of each to be undisturbed. */
const pulls = { least: 5, most: 15 };
/**
 * How many times as long as the same content in one layer it may take. A layer costs the daemon as much as unpacking one or two
 * megabytes; large sources have their own all the same, so that images share them.
 */
const bound = 1.3;
const images: readonly (readonly [string, readonly string[]])[] = [
  ["curl", ["curl"]],
  ["python", ["python3"]],
  ["git", ["git"]],
];

let mill: Mill;
let server: RegistryServer;
let client: RegistryClient;
let host: string;
let own: OwnDocker | undefined;
beforeAll(async () => {
  own = missing === undefined ? await startOwnDocker("/dev/shm") : undefined;
  if (own !== undefined) process.env["DOCKER_HOST"] = own.host;
  mill = await createMill();
  server = await createRegistryServer({ dir: join(mill.cacheDir, "registry") });
  ({ host } = await server.listen(0));
  client = createRegistryClient({ retries: 0 });
});
afterAll(async () => {
  await own?.close();
  await client.close();
  await server.close();
  await mill.remove();
});

describe("the time that Docker takes to pull an assembled image", () => {
  for (const [name, roots] of images)
    needs(missing)(
      `is at most ${bound} times that of the same content in one layer: ${name}`,
      async () => {
        const real = await realPackages(suites);
        const assembler = mill.assembler({ fetchPackage: (record) => real.fetch(record) });
        const lineage = [real.resolve(base).map((each) => each.name)];
        const repository = client.repository(`${host}/${name}`);
        const image = await assembler.assemble(requestOf(real.resolve([...base, ...roots]), { lineage }), repository);
        const layers = image.platforms[0]?.layers ?? [];
        const made = [await remake(repository, image.digest, 1), await remake(repository, image.digest, layers.length)];
        const names = made.map((digest) => `${host}/${name}@${digest}`);
        const times: [number[], number[]] = [[], []];
        let ratio = Infinity;
        let figure = "";
        for (let round = 0; round < pulls.most && (round < pulls.least || ratio > bound); round += 1) {
          for (const side of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
            times[side].push(await pull(names[side] ?? ""));
          const [split, whole] = times.map(medianOf) as [number, number];
          const [bestSplit, bestWhole] = times.map((each) => Math.min(...each)) as [number, number];
          // What others do on this machine only adds: where it came down on one side, the best of each side tell more.
          ratio = Math.min(split / whole, bestSplit / bestWhole);
          const shown = (side: readonly number[]): string => `${side.map((ms) => Math.round(ms)).join(" ")} ms`;
          figure = `${name}: ${layers.length} layers ${shown(times[0])}; one ${shown(times[1])}; medians ${(split / whole).toFixed(2)}, best ${(bestSplit / bestWhole).toFixed(2)}`;
        }
        process.stdout.write(`${figure}\n`);
        expect(ratio, figure).toBeLessThanOrEqual(bound);
      },
      300_000,
    );
});

/**
 * The image with its lowest `count` layers in one, which has a file more: what it holds is nowhere in the daemon yet, whatever
 * others left there. Of a path that several layers have, the last one's stays; an assembled image deletes none.
 */
async function remake(repository: Repository, digest: Digest, count: number): Promise<Digest> {
  const raw = await repository.manifest(digest);
  if (raw === undefined) throw new Error(`${digest} is not there`);
  const manifest = parseManifest(raw.bytes, raw.mediaType);
  const config = JSON.parse(
    (await collectBytes(repository.blob(manifest.config), 2 ** 24, "a config")).toString(),
  ) as ImageConfig;
  const lowest = manifest.layers.slice(0, count);
  const last = new Map<string, number>();
  for (const [at, layer] of lowest.entries())
    for await (const entry of entriesOf(repository.blob(layer))) {
      last.set(entry.header.name, at);
      entry.resume();
    }
  const merged = pack();
  const plain = createHash("sha256");
  const pieces: Buffer[] = [];
  const written = pipeline(
    merged as AsyncIterable<Uint8Array>,
    async function* (source) {
      for await (const chunk of source) {
        plain.update(chunk);
        yield chunk;
      }
    },
    createGzip({ level: 6 }),
    async (source) => {
      for await (const chunk of source) pieces.push(chunk as Buffer);
    },
  );
  merged.entry({ name: "pull-time" }, randomUUID());
  for (const [at, layer] of lowest.entries())
    for await (const entry of entriesOf(repository.blob(layer))) {
      const { name, mode, uid, gid, mtime, type, linkname, size } = entry.header;
      if (last.get(name) !== at) entry.resume();
      else
        merged.entry(
          { name, mode, uid, gid, mtime, type, linkname, size },
          await collectBytes(entry as AsyncIterable<Uint8Array>, 2 ** 30, name),
        );
    }
  merged.finalize();
  await written;
  const put = async (bytes: Buffer, mediaType: string): Promise<Descriptor> => {
    const descriptor = { mediaType, digest: sha256(bytes), size: bytes.length };
    await repository.putBlob(descriptor, () => Readable.from([bytes]));
    return descriptor;
  };
  const first = await put(Buffer.concat(pieces), mediaTypes.layerGzip);
  const { history: _history, ...rest } = config;
  const ids = [`sha256:${plain.digest("hex")}`, ...config.rootfs.diff_ids.slice(count)];
  const document = Buffer.from(JSON.stringify({ ...rest, rootfs: { type: "layers", diff_ids: ids } }));
  const body = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: await put(document, mediaTypes.config),
      layers: [first, ...manifest.layers.slice(count)],
    }),
  );
  const made: RawManifest = { digest: sha256(body), mediaType: mediaTypes.manifest, bytes: body };
  await repository.putManifest(made);
  return made.digest;
}

async function* entriesOf(layer: AsyncIterable<Uint8Array>) {
  const tar = extract();
  const filled = pipeline(layer, createGunzip(), tar);
  for await (const entry of tar) yield entry;
  await filled;
}

async function pull(name: string): Promise<number> {
  // What the pull before left unwritten is not this one's.
  await run("sync");
  const started = performance.now();
  const { status, output } = await docker(["pull", "--quiet", name]);
  const took = performance.now() - started;
  expect(`${status} ${status === 0 ? "" : output}`).toBe("0 ");
  expect(await docker(["rmi", name])).toMatchObject({ status: 0 });
  return took;
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
