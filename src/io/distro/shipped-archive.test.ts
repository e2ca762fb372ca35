import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeArchive } from "../../../examples/quickstart/make-archive.ts";
import { makeArchiveKey } from "../../../test/fakes/make-suite.ts";
import { parseConfig } from "../../core/config/index.ts";
import { PackageCollector } from "../../core/layer/index.ts";
import { resolvePackages } from "../../core/packages/index.ts";
import { systemClock } from "../../lib/index.ts";
import {
  createArchiveServer,
  createDistro,
  debianSources,
  readDeb,
  shippedArchive,
  shippedSources,
  verifyRelease,
  type ArchiveServer,
  type Distro,
  type SuiteSource,
} from "./index.ts";

let server: ArchiveServer;
let dir: string;
let distro: Distro;

beforeAll(async () => {
  server = await createArchiveServer(shippedArchive);
  dir = await mkdtemp(join(tmpdir(), "tidemill-shipped-"));
  distro = createDistro({ dir, clock: systemClock });
});
afterAll(async () => {
  await server.close();
  await rm(dir, { recursive: true, force: true });
});

/** The packages of the closure of `roots`, as `name version`. */
async function resolve(sources: readonly SuiteSource[], roots: readonly string[]): Promise<string[]> {
  const generations = await Promise.all(sources.map(async (source) => (await distro.refresh(source)).generation));
  const resolution = resolvePackages({ roots }, await distro.universe(generations, "amd64"));
  if (resolution.kind !== "resolved") throw new Error(resolution.chain.join("\n"));
  for (const record of resolution.packages) {
    const source = sources.find(({ name }) => name === record.origin)!;
    const deb = await readDeb(await distro.fetchPackage(record, source));
    expect(deb.control.get("version")).toBe(record.version);
    const collector = new PackageCollector(record.name);
    await deb.readData(collector);
    expect(collector.entries.length).toBeGreaterThan(3);
  }
  return resolution.packages.map(({ name, version }) => `${name} ${version}`).sort();
}

describe("the shipped archive", () => {
  it("resolves on the day of its release, and after", async () => {
    const [release, ...later] = await shippedSources(server.url);
    const before = ["libtide1 1.0-1", "tide-base 1.0-1", "tide-tools 1.0-1"];
    expect(await resolve([release!], ["tide-tools"])).toEqual(before);
    const after = ["libtide1 1.0-1+tide1", "tide-base 1.0-1", "tide-tools 1.0-2"];
    expect(await resolve([release!, ...later], ["tide-tools"])).toEqual(after);
  });

  it("has a release with a program that is a link to nothing, and one that is fine", async () => {
    const sources = await shippedSources(server.url, "tide-broken");
    expect(await resolve(sources, ["tide-beacon", "tide-lamp"])).toEqual(["tide-beacon 1.1-1", "tide-lamp 1.1-1"]);
    const generation = await distro.generation("tide-broken/tide-broken");
    const universe = await distro.universe([generation!], "amd64");
    const program = async (name: string): Promise<unknown> => {
      const deb = await readDeb(await distro.fetchPackage(universe.versions(name)[0]!, sources[0]!));
      const collector = new PackageCollector(name);
      await deb.readData(collector);
      return collector.entry(`usr/bin/${name}`);
    };
    expect(await program("tide-beacon")).toMatchObject({ kind: "symlink", link: "../libexec/tide-beacon" });
    expect(await program("tide-lamp")).toMatchObject({ kind: "file", mode: 0o755 });
  });

  it.each(["tide.yaml", "tide-failure.yaml"])("has what every image of %s needs", async (name) => {
    const home = fileURLToPath(new URL("../../../examples/quickstart/", import.meta.url));
    const text = await readFile(join(home, name), "utf8");
    const parsed = parseConfig(text, { TIDEMILL_TIDE_MIRROR: server.url, TIDEMILL_LAMP: "http://127.0.0.1:1/" });
    if (parsed.kind !== "ok") throw new Error(JSON.stringify(parsed.problems));
    for (const [upstream, { keyrings = [], ...rest }] of Object.entries(parsed.config.upstreams)) {
      const request = { name: upstream, ...rest, keyrings: keyrings.map((path) => join(home, path)) };
      const sources = await debianSources({ ...request, architectures: ["amd64"] }, {});
      const roots = Object.values(parsed.config.images).flatMap((image) =>
        image.recipe === "packages" ? image.packages : [],
      );
      expect((await resolve(sources, roots)).length).toBeGreaterThanOrEqual(new Set(roots).size);
    }
    expect(JSON.stringify(parseConfig(text, {}))).toContain("TIDEMILL_TIDE_MIRROR is not set");
  });
});

describe("makeArchive", () => {
  it("makes the same bytes twice, and those that are shipped but for the signatures", async () => {
    const key = await makeArchiveKey({ created: Date.UTC(2025, 0, 1) });
    const [first, second] = [await makeArchive(key), await makeArchive(key)];
    expect([...second]).toEqual([...first]);
    const shipped = (await readdir(shippedArchive, { recursive: true, withFileTypes: true })).filter((one) =>
      one.isFile(),
    );
    expect(shipped).toHaveLength(first.size);
    const isSigned = (path: string): boolean => path.endsWith("InRelease") || path.endsWith("-key.gpg");
    for (const [path, bytes] of first) {
      const there = await readFile(join(shippedArchive, path));
      if (!isSigned(path)) expect(there.equals(bytes), path).toBe(true);
    }
  });

  it("signs what it makes, for ever", async () => {
    const key = await readFile(join(shippedArchive, "tide-archive-key.gpg"));
    const made = await makeArchive(await makeArchiveKey({ created: Date.UTC(2025, 0, 1) }));
    for (const [path, bytes] of made) {
      if (!path.endsWith("InRelease")) continue;
      const text = await verifyRelease(await readFile(join(shippedArchive, path)), [key], Date.UTC(2099, 0, 1), path);
      expect(bytes.toString()).toContain(text.trimEnd());
      expect(text).not.toContain("Valid-Until");
    }
  });
});

describe("createArchiveServer", () => {
  const ask = (path: string, init: RequestInit = {}): Promise<Response> => fetch(`${server.url}${path}`, init);

  it("answers GET and HEAD, whole, from a place on, and with conditions", async () => {
    const whole = await readFile(join(shippedArchive, "dists/tide/InRelease"));
    const first = await ask("/dists/tide/InRelease");
    expect(Buffer.from(await first.arrayBuffer()).equals(whole)).toBe(true);
    const head = await ask("/dists/tide/InRelease", { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, String(whole.length)]);
    const etag = first.headers.get("etag") ?? "";
    const modified = first.headers.get("last-modified") ?? "";
    expect((await ask("/dists/tide/InRelease", { headers: { "if-none-match": etag } })).status).toBe(304);
    expect((await ask("/dists/tide/InRelease", { headers: { "if-none-match": '"other"' } })).status).toBe(200);
    expect((await ask("/dists/tide/InRelease", { headers: { "if-modified-since": modified } })).status).toBe(304);
    const old = "Mon, 01 Jan 2024 00:00:00 GMT";
    expect((await ask("/dists/tide/InRelease", { headers: { "if-modified-since": old } })).status).toBe(200);
    const rest = await ask("/dists/tide/InRelease", { headers: { range: "bytes=100-" } });
    expect(rest.status).toBe(206);
    expect(Buffer.from(await rest.arrayBuffer()).equals(whole.subarray(100))).toBe(true);
    expect((await ask("/dists/tide/InRelease", { headers: { range: "bytes=99999-" } })).status).toBe(416);
  });

  it.each(["/", "/dists", "/dists/nothing", "/%2e%2e/make-archive.ts", "/..%2fmake-archive.ts", "/%00", "/%E0%A4%A"])(
    "has nothing at %s",
    async (path) => {
      expect(existsSync(join(shippedArchive, "../make-archive.ts"))).toBe(true);
      expect((await ask(path)).status).toBe(404);
    },
  );

  it("only reads", async () => {
    expect((await ask("/dists/tide/InRelease", { method: "PUT", body: "x" })).status).toBe(405);
  });
});
