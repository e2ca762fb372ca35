import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../lib/index.ts";
import { createDebianArchive, type DebianArchive, type PublishOptions } from "../../../test/fakes/debian-archive.ts";
import { makeDeb } from "../../../test/fakes/make-deb.ts";
import { type SuiteSpec } from "../../../test/fakes/make-suite.ts";
import { createDistro, type Distro } from "./index.ts";

const day = 86_400_000;
const start = Date.UTC(2026, 0, 10);
const clock = manualClock(start + day);
const limits = { redirects: 5, idleMs: 300, attempts: 2 };
let archive: DebianArchive;
let dir: string;
let distro: Distro;

beforeEach(async () => {
  archive = await createDebianArchive();
  dir = await mkdtemp(join(tmpdir(), "tidemill-distro-"));
  distro = createDistro({ dir, clock, fetchLimits: limits });
});
afterEach(async () => {
  await archive.close();
  await rm(dir, { recursive: true, force: true });
});

/** A suite whose only package has the version `version`. */
async function spec(version: string, change: Partial<SuiteSpec> = {}): Promise<SuiteSpec> {
  const packages = [await makeDeb({ name: "lamp", version })];
  return { suite: "tide", date: start + Number(version) * 3_600_000, packages, ...change };
}

async function publish(version: string, change: Partial<SuiteSpec> = {}, options?: PublishOptions): Promise<void> {
  await archive.publish(await spec(version, change), options);
}

/** The versions of `lamp` that a reader of the last good generation sees. */
async function offered(): Promise<string[]> {
  const generation = await distro.generation("debian/tide");
  if (generation === undefined) return [];
  const universe = await createDistro({ dir, clock }).universe([generation], "amd64");
  return universe.versions("lamp").map(({ version }) => version);
}

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
});
