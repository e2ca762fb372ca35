import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { connect } from "node:net";
import { join } from "node:path";
import { Agent } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { PackageRecord } from "../../core/packages/index.ts";
import { manualClock } from "../../lib/index.ts";
import { createDebianArchive, type DebianArchive } from "../../../test/fakes/debian-archive.ts";
import { makeDeb, type MadeDeb } from "../../../test/fakes/make-deb.ts";
import { createDistro, type Distro, type SuiteSource } from "./index.ts";

const start = Date.UTC(2026, 0, 10);
const deb = /\.deb$/;
let archive: DebianArchive;
let dir: string;
let distro: Distro;
let made: MadeDeb;
let record: PackageRecord;
let source: SuiteSource;

beforeEach(async () => {
  archive = await createDebianArchive();
  dir = await mkdtemp(join(tmpdir(), "tidemill-distro-"));
  const fetchLimits = { redirects: 5, idleMs: 250, leastRate: 1, attempts: 2 };
  distro = createDistro({ dir, clock: manualClock(start + 60_000), fetchLimits });
  made = await makeDeb({ name: "lamp", version: "2:1.0+b1", fields: { Provides: "light" } });
  await archive.publish({ suite: "tide", date: start, packages: [made] });
  source = archive.source("tide");
  const { generation } = await distro.refresh(source);
  const universe = await distro.universe([generation], "amd64");
  record = universe.versions("lamp")[0]!;
});
afterEach(async () => {
  await archive.close();
  await rm(dir, { recursive: true, force: true });
});

const asked = (): number => archive.requests.filter(({ path }) => deb.test(path)).length;
const packagesOnDisk = async (): Promise<string[]> => {
  const names = await readdir(join(dir, "packages"), { recursive: true }).catch(() => []);
  return names.filter((name) => name.includes("."));
};

describe("universe", () => {
  it("says so where a generation is no longer there", async () => {
    const generation = (await distro.generation("debian/tide"))!;
    await rm(generation.indices[0]!.path);
    const reader = createDistro({ dir, clock: manualClock(start + 60_000) });
    await expect(reader.universe([generation], "amd64")).rejects.toMatchObject({ code: "NO_GENERATION" });
  });

  it("offers what the generations do, and remembers them", async () => {
    const generation = (await distro.generation("debian/tide"))!;
    const universe = await distro.universe([generation], "amd64");
    expect(universe.providers("light").map(({ record: one }) => one.name)).toEqual(["lamp"]);
    expect(await distro.universe([generation], "amd64")).toBe(universe);
    expect((await distro.universe([generation], "arm64")).versions("lamp")).toEqual([]);
  });

  it("reads an index once for all universes that have it", async () => {
    const generation = (await distro.generation("debian/tide"))!;
    await distro.universe([generation], "amd64");
    await rm(generation.indices[0]!.path);
    await archive.publish({
      suite: "tide-security",
      date: start,
      packages: [await makeDeb({ name: "lamp", version: "3:1" })],
    });
    const update = await distro.refresh(archive.source("tide-security"));
    const universe = await distro.universe([generation, update.generation], "amd64");
    expect(universe.versions("lamp").map(({ version }) => version)).toEqual(["3:1", "2:1.0+b1"]);
  });
});

describe("refresh", () => {
  it("takes turns: many who ask at once fetch one index", async () => {
    await archive.publish({ suite: "tide", date: start + 1000, packages: [made], packagesText: "Package: other\n" });
    const outcomes = await Promise.all([1, 2, 3].map(() => distro.refresh(source)));
    expect(outcomes.map(({ kind }) => kind)).toEqual(["updated", "unchanged", "unchanged"]);
    expect(
      archive.requests
        .slice(-4)
        .map(({ path }) => path.replace(/^.*\//, ""))
        .filter((name) => name === "InRelease"),
    ).toHaveLength(3);
  });

  it("does not follow a redirect from https to http", async () => {
    // A real server behind a connection that the client takes for TLS.
    const { port } = new URL(archive.url);
    const dispatcher = new Agent({
      connect: (_options, callback) => {
        const socket = connect(Number(port), "127.0.0.1", () => callback(null, socket));
      },
    });
    const safe = createDistro({ dir, clock: manualClock(start + 60_000), dispatcher });
    const mirror = archive.url.replace("http:", "https:");
    expect((await safe.refresh({ ...source, mirror })).kind).toBe("unchanged");
    archive.fail(/InRelease/, { kind: "redirect", to: `${archive.url}/dists/tide/./InRelease` });
    await expect(safe.refresh({ ...source, mirror })).rejects.toMatchObject({ code: "BAD_REDIRECT" });
    await dispatcher.close();
  });
});

describe("fetchPackage", () => {
  it("brings the package that the index names, once for all who ask, and keeps it", async () => {
    const paths = await Promise.all([1, 2, 3].map(() => distro.fetchPackage(record, source)));
    expect(new Set(paths).size).toBe(1);
    expect((await readFile(paths[0]!)).equals(made.bytes)).toBe(true);
    await distro.fetchPackage(record, source);
    expect(asked()).toBe(1);
  });

  it("goes on for the others where the first who asked gives up", async () => {
    archive.fail(deb, { kind: "slow", ms: 5000, times: 1 });
    const first = distro.fetchPackage(record, source, AbortSignal.timeout(60));
    const second = distro.fetchPackage(record, source);
    await expect(first).rejects.toMatchObject({ name: "TimeoutError" });
    expect((await readFile(await second)).equals(made.bytes)).toBe(true);
  });

  it("goes on where a download was cut off, also in the next run", async () => {
    archive.fail(deb, { kind: "cut", bytes: 100, times: 2 });
    await expect(distro.fetchPackage(record, source)).rejects.toMatchObject({ code: "UNREACHABLE", retry: true });
    const again = createDistro({ dir, clock: manualClock(start + 60_000) });
    expect((await readFile(await again.fetchPackage(record, source))).equals(made.bytes)).toBe(true);
    expect(archive.requests.at(-1)).toMatchObject({ status: 206, range: "bytes=200-" });
  });

  it("fetches again what is on disk with another size", async () => {
    const path = await distro.fetchPackage(record, source);
    await writeFile(path, "torn");
    expect((await readFile(await distro.fetchPackage(record, source))).equals(made.bytes)).toBe(true);
  });

  it.each<[string, () => void, string]>([
    ["that the mirror has dropped", () => archive.fail(deb, { kind: "status", status: 404 }), "MISSING"],
    ["of other bytes", () => archive.fail(deb, { kind: "replace", bytes: flipped(made.bytes) }), "HASH_MISMATCH"],
    ["that is shorter", () => archive.fail(deb, { kind: "replace", bytes: Buffer.from("!<arch>\n") }), "HASH_MISMATCH"],
    ["that is longer", () => archive.fail(deb, { kind: "replace", bytes: longer(made.bytes) }), "HASH_MISMATCH"],
    ["that never ends", () => archive.fail(deb, { kind: "endless" }), "HASH_MISMATCH"],
    [
      "that is elsewhere",
      () => archive.fail(deb, { kind: "redirect", to: "ftp://127.0.0.1/lamp.deb" }),
      "BAD_REDIRECT",
    ],
  ])("a package %s is refused, and nothing of it is kept", async (_name, fail, code) => {
    fail();
    await expect(distro.fetchPackage(record, source)).rejects.toMatchObject({
      code,
      message: expect.stringContaining("lamp_1.0+b1_amd64.deb") as string,
      hint: expect.stringMatching(/\w/) as string,
    });
    expect(await packagesOnDisk()).toEqual([]);
    archive.heal();
    expect((await readFile(await distro.fetchPackage(record, source))).equals(made.bytes)).toBe(true);
  });

  it("says so where the disk cannot be written", async () => {
    await writeFile(join(dir, "packages"), "");
    await expect(distro.fetchPackage(record, source)).rejects.toMatchObject({ code: "DISK_FAILED" });
  });

  it("does not leave the mirror's archive for a name that climbs", async () => {
    const climbing = { ...record, filename: "../../other/lamp.deb" };
    await expect(distro.fetchPackage(climbing, source)).rejects.toMatchObject({ code: "BAD_INDEX" });
    expect(asked()).toBe(0);
  });
});

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[100] = (copy[100] ?? 0) ^ 1;
  return copy;
}

const longer = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.from("more")]);
