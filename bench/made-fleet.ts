import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseConfig, type Config } from "../src/core/config/index.ts";
import type { PackageRecord } from "../src/core/packages/index.ts";
import { createRegistryClient, createRegistryServer, type RegistryClient } from "../src/io/registry/index.ts";
import { createAssembler, resolveImage, type AssembledImage, type AssembleRequest } from "../src/loop/build/index.ts";
import { createMadeArchive, type MadeArchive, type PackageSpec } from "./made-archive.ts";

/** The package that gets patched: as large as a TLS library, and of the source of one, which has a layer to itself. */
export const patchedName = "part-3";
export const patchedBytes = 6_000_000;
/** One of those that share a layer with others. */
export const smallName = "part-30";
const partCount = 60;

/** Sixty packages that need one another, some 40 MB, those beside the patched one so many times smaller; the first needs them all. */
export function basePackages(smaller = 1): PackageSpec[] {
  return Array.from({ length: partCount }, (_, at): PackageSpec => {
    const below = [2 * at + 1, 2 * at + 2, partCount - 1].filter((each) => each > at && each < partCount);
    const depends = [...new Set(below)].map((each) => `part-${each} (>= 1.0)`).join(", ");
    const name = `part-${at}`;
    return {
      name,
      version: "1.0-1",
      // From 30 kB to 2.4 MB, the large ones few.
      unpacked:
        name === patchedName ? patchedBytes : 30_000 + Math.floor((2_400_000 / smaller) * (((at * 37) % 60) / 60) ** 3),
      files: 4 + ((at * 13) % 40),
      packing: "gz",
      ...(name === patchedName ? { source: "openssl" } : {}),
      ...(depends === "" ? {} : { depends }),
    };
  });
}

/** A package of the sixty, `number` times patched. */
export function patchOf(number: number, patched = patchedName, smaller = 1): PackageSpec {
  const before = basePackages(smaller).find(({ name }) => name === patched);
  if (before === undefined) throw new Error(`there is no ${patched}`);
  return { ...before, version: `1.0-1+deb12u${number}`, packing: "xz" };
}

interface DeclaredImage {
  readonly name: string;
  readonly packages: readonly string[];
}

/** A mill in one process: the made-up archive, an assembler with its cache, and the embedded registry on loopback with a client of it. */
export interface BenchMill {
  readonly client: RegistryClient;
  /** What the image is made of by what its suites offer now. */
  resolve(image: string): Promise<AssembleRequest>;
  /** Assembles it and pushes it to its repository. */
  build(request: AssembleRequest): Promise<AssembledImage>;
  /** Host and port of the registry. */
  readonly host: string;
  /** Brings all packages of an image, so that nothing is downloaded later; gives the path of each by name. */
  download(image: string): Promise<ReadonlyMap<string, string>>;
  /** The digests that the registry has in the repository of the image, asked by a client that knows nothing. */
  holds(image: string, digest: string): Promise<boolean>;
  close(): Promise<void>;
}

/** Does `work` with an archive of so many more packages and a mill for these images, each with a file of its own, and removes both. */
export async function withBenchMill<Result>(
  stanzas: number,
  images: readonly DeclaredImage[],
  work: (mill: BenchMill, archive: MadeArchive) => Promise<Result>,
): Promise<Result> {
  const archive = await createMadeArchive(stanzas);
  try {
    const mill = await createBenchMill(archive, images);
    try {
      return await work(mill, archive);
    } finally {
      await mill.close();
    }
  } finally {
    await archive.remove();
  }
}

async function createBenchMill(archive: MadeArchive, images: readonly DeclaredImage[]): Promise<BenchMill> {
  const { folder, distro, stranger, sources } = archive;
  const home = join(folder, "home");
  await mkdir(home);
  const lines = ["version: 1", "upstreams:", "  mill: { kind: debian, codename: bookworm }"];
  lines.push("environments: [{ name: production, requireRun: false }]", "images:");
  for (const { name, packages } of images) {
    await writeFile(join(home, `${name}.conf`), `name = ${name}\nport = 8080\n`);
    lines.push(
      `  ${name}:`,
      `    { recipe: packages, upstream: mill, packages: [${packages.join(", ")}], env: { NAME: ${name} },`,
      `      files: [{ from: ${name}.conf, to: /etc/app.conf }] }`,
    );
  }
  const config = readConfig(lines.join("\n"));
  const server = await createRegistryServer({ dir: join(folder, "registry") });
  const { host } = await server.listen(0);
  const client = createRegistryClient();
  const visitor = createRegistryClient();
  const fetchPackage = (record: PackageRecord): Promise<string> => {
    const source = sources.find(({ name }) => name === record.origin);
    if (source === undefined) throw new Error(`there is no suite ${record.origin}`);
    return distro.fetchPackage(record, source);
  };
  const assembler = createAssembler({
    cacheDir: join(folder, "cache"),
    fetchPackage,
    allocateAccounts: () => Promise.reject(new Error("no package asks for an account")),
  });
  const context = { config, home, distro, suites: new Map([["mill", sources]]) };
  const resolve = async (image: string): Promise<AssembleRequest> => (await resolveImage(context, image)).request;

  return {
    client,
    host,
    resolve,
    build: (request) => assembler.assemble(request, client.repository(`${host}/${request.image}`)),
    download: async (image) => {
      const paths = new Map<string, string>();
      const { platforms } = (await resolveImage({ ...context, distro: stranger }, image)).request;
      for (const record of platforms.flatMap(({ packages }) => packages))
        paths.set(record.name, await fetchPackage(record));
      return paths;
    },
    holds: async (image, digest) => (await visitor.repository(`${host}/${image}`).resolve(digest)) !== undefined,
    close: async () => {
      await Promise.all([client.close(), visitor.close()]);
      await server.close();
    },
  };
}

function readConfig(text: string): Config {
  const parsed = parseConfig(text, {});
  if (parsed.kind === "invalid") throw new Error(JSON.stringify(parsed.problems.slice(0, 3)));
  return parsed.config;
}
