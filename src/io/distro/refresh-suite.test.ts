import { mkdtemp, readdir, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock, systemClock } from "../../lib/index.ts";
import {
  createDebianArchive,
  type ArchiveFault,
  type DebianArchive,
  type PublishOptions,
} from "../../../test/fakes/debian-archive.ts";
import { makeDeb } from "../../../test/fakes/make-deb.ts";
import { clearSign, makeArchiveKey, makeSuite, publicKeyOf, type SuiteSpec } from "../../../test/fakes/make-suite.ts";
import { createDistro, type Distro, type SuiteSource } from "./index.ts";
import { suiteFolder } from "./suite-folder.ts";

const hour = 3_600_000;
const start = Date.UTC(2026, 0, 10);
const fetchLimits = { redirects: 5, idleMs: 250, leastRate: 1000, attempts: 2 };
const indexLimits = { release: 100_000, index: 100_000 };
const inRelease = /dists\/tide\/InRelease$/;
const indices = /Packages|by-hash/;
let archive: DebianArchive;
let dir: string;
let distro: Distro;
let clock: ReturnType<typeof manualClock>;

beforeEach(async () => {
  clock = manualClock(start + 24 * hour);
  archive = await createDebianArchive();
  dir = await mkdtemp(join(tmpdir(), "tidemill-distro-"));
  distro = createDistro({ dir, clock, fetchLimits, indexLimits });
});
afterEach(async () => {
  await archive.close();
  await rm(dir, { recursive: true, force: true });
});

/** A suite whose only package has the version `version`, dated so many hours after the start. */
async function specOf(version: string, change: Partial<SuiteSpec> = {}): Promise<SuiteSpec> {
  const packages = [await makeDeb({ name: "lamp", version })];
  return { suite: "tide", date: start + Number(version) * hour, packages, ...change };
}

async function publish(version: string, change: Partial<SuiteSpec> = {}, options?: PublishOptions): Promise<void> {
  await archive.publish(await specOf(version, change), options);
}

/** The versions of `lamp` that a reader of the last good generation sees, from the files alone. */
async function offered(): Promise<string[]> {
  const reader = createDistro({ dir, clock });
  const generation = await reader.generation("debian/tide");
  if (generation === undefined) return [];
  const universe = await reader.universe([generation], "amd64");
  return universe.versions("lamp").map(({ version }) => version);
}

const filesOf = async (): Promise<string[]> => (await readdir(dir, { recursive: true })).sort();

describe("a suite that is refreshed", () => {
  it("is taken in whole, asked for with a condition, and replaced by a newer one", async () => {
    await publish("1");
    const source = archive.source("tide");
    expect((await distro.refresh(source)).kind).toBe("updated");
    expect(await offered()).toEqual(["1"]);
    expect((await distro.refresh(source)).kind).toBe("unchanged");
    expect(archive.requests.at(-1)).toMatchObject({ path: "debian/dists/tide/InRelease", status: 304 });
    await publish("2");
    expect((await distro.refresh(source)).kind).toBe("updated");
    expect(await offered()).toEqual(["2"]);
  });

  it.each(["xz", "gz", "zst", "none"] as const)("reads indices that are packed as %s", async (packing) => {
    await publish("1", { packings: [packing] });
    await distro.refresh(archive.source("tide"));
    expect(await offered()).toEqual(["1"]);
  });

  it("does not ask another mirror with the conditions of the first", async () => {
    await publish("1");
    await distro.refresh(archive.source("tide"));
    const mirror = archive.url.replace("127.0.0.1", "localhost");
    expect((await distro.refresh(archive.source("tide", { mirror }))).kind).toBe("unchanged");
    expect(archive.requests.at(-1)?.status).toBe(200);
  });

  it("goes on where a download was cut off", async () => {
    await publish("1", { packagesText: `Package: lamp\n${"X: y\n".repeat(3000)}`, packings: ["none"] });
    archive.fail(indices, { kind: "cut", bytes: 5000, times: 1 });
    expect((await distro.refresh(archive.source("tide"))).kind).toBe("updated");
    expect(archive.requests.at(-1)).toMatchObject({ status: 206, range: "bytes=5000-" });
  });

  it("begins again where what an earlier download left is the beginning of something else", async () => {
    await publish("1");
    archive.fail(indices, { kind: "replace", bytes: Buffer.alloc(1000), times: 1 });
    archive.fail(indices, { kind: "cut", bytes: 100, times: 1 });
    distro = createDistro({ dir, clock, fetchLimits: { ...fetchLimits, attempts: 3 } });
    expect((await distro.refresh(archive.source("tide"))).kind).toBe("updated");
    expect(await offered()).toEqual(["1"]);
  });

  it("begins again where the mirror cannot go on", async () => {
    await publish("1");
    archive.fail(indices, { kind: "no-ranges" });
    archive.fail(indices, { kind: "cut", bytes: 50, times: 1 });
    distro = createDistro({ dir, clock, fetchLimits: { ...fetchLimits, attempts: 3 } });
    expect((await distro.refresh(archive.source("tide"))).kind).toBe("updated");
    expect(await offered()).toEqual(["1"]);
  });

  it("takes a file by its name where the mirror has none by its digest, and gzip where it has no xz", async () => {
    await publish("1");
    archive.fail(/by-hash/, { kind: "status", status: 404 });
    await distro.refresh(archive.source("tide"));
    await publish("2");
    archive.fail(/\.xz$/, { kind: "status", status: 404 });
    await distro.refresh(archive.source("tide"));
    expect(await offered()).toEqual(["2"]);
  });

  it("follows a redirect, and asks again after a status of 500", async () => {
    await publish("1");
    archive.fail(inRelease, { kind: "redirect", to: "/debian/dists/tide/./InRelease", times: 1 });
    archive.fail(indices, { kind: "status", status: 500, times: 1 });
    expect((await distro.refresh(archive.source("tide"))).kind).toBe("updated");
  });

  it("is fetched again where an index of it was lost", async () => {
    await publish("1");
    const { generation } = await distro.refresh(archive.source("tide"));
    await unlink(generation.indices[0]?.path ?? "");
    expect((await distro.refresh(archive.source("tide"))).kind).toBe("updated");
    expect(await offered()).toEqual(["1"]);
  });

  it("keeps three generations, and shares what is the same", async () => {
    for (const version of ["1", "2", "3", "4", "5"]) {
      await publish(version);
      await distro.refresh(archive.source("tide"));
    }
    const folders = (await readdir(suiteFolder(dir, "debian/tide"))).filter((name) => name !== "current.json");
    expect(folders).toHaveLength(3);
    expect(await offered()).toEqual(["5"]);
  });

  it("says so where what names the last good generation is torn, and believes nothing older", async () => {
    await publish("1");
    await distro.refresh(archive.source("tide"));
    await writeFile(join(suiteFolder(dir, "debian/tide"), "current.json"), "{");
    await expect(distro.refresh(archive.source("tide"))).rejects.toMatchObject({ code: "BAD_INDEX" });
  });
});

interface Refusal {
  readonly code: string;
  /** Makes the archive offer something that must not be believed, in place of version 1. */
  readonly offer: () => Promise<void>;
  readonly source?: () => Promise<Partial<SuiteSource>>;
  /** A download that was cut is kept, so that it may go on. */
  readonly leaves?: "part";
}

/** Offers version 2 with a server that does wrong. */
async function broken(paths: RegExp, fault: ArchiveFault): Promise<void> {
  await publish("2");
  archive.fail(paths, fault);
}

const refusals: Readonly<Record<string, Refusal>> = {
  "signed by another key": {
    code: "BAD_SIGNATURE",
    offer: async () => publish("2", {}, { keys: [await makeArchiveKey()] }),
  },
  "not signed": { code: "BAD_SIGNATURE", offer: () => publish("2", {}, { keys: [] }) },
  "with text around what is signed": {
    code: "BAD_SIGNATURE",
    offer: () => publish("2", {}, { alter: (bytes) => Buffer.concat([Buffer.from("Codename: tide\n\n"), bytes]) }),
  },
  "of two signed messages": {
    code: "BAD_SIGNATURE",
    offer: () => publish("2", {}, { alter: (bytes) => Buffer.concat([bytes, bytes]) }),
  },
  "changed since it was signed": {
    code: "BAD_SIGNATURE",
    offer: () => publish("2", {}, { alter: (bytes) => Buffer.from(bytes.toString().replace("Made up", "Made  up")) }),
  },
  "where the keyring is empty": {
    code: "BAD_SIGNATURE",
    offer: () => publish("2"),
    source: async () => ({ keys: [Buffer.alloc(0)] }),
  },
  "signed by a key that has expired since": {
    code: "BAD_SIGNATURE",
    offer: async () => publish("2", {}, { keys: [await expiredKey] }),
    source: async () => ({ keys: [publicKeyOf(await expiredKey)] }),
  },
  "past its Valid-Until": { code: "INDEX_EXPIRED", offer: () => publish("2", { validUntil: start + 23 * hour }) },
  "older than what is held": { code: "INDEX_OLDER", offer: () => publish("0.5") },
  "as old as what is held, and different": {
    code: "INDEX_OLDER",
    offer: () => publish("2", { date: start + hour }),
  },
  "of another suite, signed by the right key": {
    code: "WRONG_SUITE",
    offer: () => publish("2", { codename: "ebb" }),
  },
  "with Packages of another date": { code: "HASH_MISMATCH", offer: () => publish("2", {}, { lag: true }) },
  "with Packages of another date, not by digest": {
    code: "HASH_MISMATCH",
    offer: () => publish("2", { byHash: false }, { lag: true }),
  },
  "without Packages": {
    code: "MISSING",
    offer: () => broken(indices, { kind: "status", status: 404 }),
  },
  "with Packages that are tampered with": {
    code: "HASH_MISMATCH",
    offer: () => broken(indices, { kind: "replace", bytes: Buffer.from("Package: evil\n") }),
  },
  "with Packages that never end": {
    code: "HASH_MISMATCH",
    offer: () => broken(indices, { kind: "endless" }),
  },
  "with Packages that are cut at half": {
    code: "UNREACHABLE",
    leaves: "part",
    offer: () => broken(indices, { kind: "cut", bytes: 20 }),
  },
  "with Packages above the limit": {
    code: "TOO_LARGE",
    offer: () => publish("2", { packagesText: "X: y\n".repeat(25_000) }),
  },
  "with packed Packages above the limit": {
    code: "TOO_LARGE",
    offer: () => publish("2", {}, { rewrite: (text) => text.replace(/\d+(?= \S+Packages\.xz$)/m, "999999999") }),
  },
  "with a Packages file that is not signed for": {
    code: "BAD_INDEX",
    offer: () => publish("2"),
    source: async () => ({ components: ["main", "contrib"] }),
  },
  "with a Packages file that is none": { code: "BAD_INDEX", offer: () => publish("2", { packagesText: "<html>\n" }) },
  "with a Release file that is none": {
    code: "BAD_INDEX",
    offer: () => publish("2", {}, { rewrite: (text) => text.replace("Codename:", "Codename\n") }),
  },
  "without a Date": {
    code: "BAD_INDEX",
    offer: () => publish("2", {}, { rewrite: (text) => text.replace(/^Date: .*\n/m, "") }),
  },
  "with a name that climbs": {
    code: "BAD_INDEX",
    offer: () => publish("2", {}, { rewrite: (text) => text.replace("main/binary-amd64/Packages\n", "../../x\n") }),
  },
  "larger than an InRelease may be": {
    code: "TOO_LARGE",
    offer: () => broken(inRelease, { kind: "endless" }),
  },
  "cut at half": { code: "UNREACHABLE", offer: () => broken(inRelease, { kind: "cut", bytes: 200 }) },
  "not at all": { code: "UNREACHABLE", offer: () => broken(inRelease, { kind: "status", status: 404 }) },
  "with status 500": {
    code: "UNREACHABLE",
    offer: () => broken(inRelease, { kind: "status", status: 500 }),
  },
  "with status 403": {
    code: "UNREACHABLE",
    offer: () => broken(inRelease, { kind: "status", status: 403 }),
  },
  "too slowly": { code: "UNREACHABLE", offer: () => broken(inRelease, { kind: "slow", ms: 5000 }) },
  "with redirects in a circle": {
    code: "BAD_REDIRECT",
    offer: () => broken(inRelease, { kind: "redirect", to: "/debian/dists/tide/InRelease" }),
  },
  "with a redirect to a file": {
    code: "BAD_REDIRECT",
    offer: () => broken(inRelease, { kind: "redirect", to: "file:///etc/passwd" }),
  },
};

const expiredKey = makeArchiveKey({ created: start, lifetimeSeconds: (12 * hour) / 1000 });

describe("a suite that is offered", () => {
  it.each(Object.keys(refusals))("%s is refused; the last good generation stays whole", async (name) => {
    const { code, offer, source, leaves } = refusals[name]!;
    await publish("1");
    await distro.refresh(archive.source("tide"));
    const before = await filesOf();
    await offer();
    const asked = distro.refresh(archive.source("tide", await source?.()));
    await expect(asked).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/tide/) as string,
      hint: expect.stringMatching(/\w/) as string,
    });
    expect(await offered()).toEqual(["1"]);
    const added = (await filesOf()).filter((path) => !before.includes(path) && /\.[a-z]+$/.test(path));
    expect(added.map((path) => path.replace(/^.*\./, ""))).toEqual(leaves === undefined ? [] : [leaves]);

    archive.heal();
    await publish("3");
    expect((await distro.refresh(archive.source("tide"))).kind).toBe("updated");
    expect(await offered()).toEqual(["3"]);
  });

  it("unchanged past its Valid-Until is refused", async () => {
    await publish("1", { validUntil: start + 30 * hour });
    await distro.refresh(archive.source("tide"));
    clock.advance(7 * hour);
    await expect(distro.refresh(archive.source("tide"))).rejects.toMatchObject({ code: "INDEX_EXPIRED" });
    expect(await offered()).toEqual(["1"]);
  });

  it("by nobody is refused, and says that the mirror cannot be reached", async () => {
    const source = archive.source("tide");
    await archive.close();
    await expect(distro.refresh(source)).rejects.toMatchObject({ code: "UNREACHABLE", retry: true });
    expect(await offered()).toEqual([]);
    archive = await createDebianArchive();
  });

  it("by one that drips is given up", async () => {
    await publish("1", { packagesText: `Package: lamp\n${"X: y\n".repeat(3000)}`, packings: ["none"] });
    archive.fail(indices, { kind: "drip", everyMs: 20 });
    distro = createDistro({ dir, clock: systemClock, fetchLimits: { ...fetchLimits, attempts: 1 } });
    await expect(distro.refresh(archive.source("tide"))).rejects.toMatchObject({
      code: "UNREACHABLE",
      message: expect.stringContaining("too few") as string,
    });
  });

  it("is not asked for any more once the caller gives up", async () => {
    await publish("1");
    archive.fail(inRelease, { kind: "slow", ms: 5000 });
    const asked = distro.refresh(archive.source("tide"), AbortSignal.timeout(50));
    await expect(asked).rejects.toMatchObject({ name: "TimeoutError" });
  });
});

describe("an index of 300 MiB", () => {
  it("is refused before it is asked for", async () => {
    distro = createDistro({ dir, clock, fetchLimits });
    const { release, files } = await makeSuite(await specOf("1"));
    const claimed = release.replace(/\d+(?= \S+Packages$)/m, String(300 * 1024 * 1024));
    for (const [path, bytes] of files) archive.files.set(`debian/${path}`, bytes);
    archive.files.set("debian/dists/tide/InRelease", await clearSign(claimed, [archive.key], start));
    await expect(distro.refresh(archive.source("tide"))).rejects.toMatchObject({ code: "TOO_LARGE" });
    expect(archive.requests.map(({ path }) => path)).toEqual(["debian/dists/tide/InRelease"]);
  });
});
