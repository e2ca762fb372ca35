import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEmptyDir, createPgliteDir, postgresKind, testStart } from "../../../test/fakes/stores.ts";
import { needs } from "../../../test/needs.ts";
import { digestOf, leasedRebuild, provenCandidate } from "../../io/store/testdata/given.ts";
import { openStore, type Store } from "../../io/store/index.ts";
import { manualClock, sha256, silentLogger } from "../../lib/index.ts";
import { operations } from "../../operation/index.ts";
import { createBackup } from "./backup.ts";
import { createRestore, type RestoreDeps } from "./restore.ts";

const clock = manualClock(testStart);
const options = { clock, log: silentLogger() };
const digest = digestOf("a");
let folder: string;
let dir: string;
let file: string;
let store: Store | undefined;

beforeAll(async () => {
  [folder, dir] = await Promise.all([createEmptyDir(), createPgliteDir()]);
  file = join(folder, "state.jsonl.gz");
  store = await openStore({ dir }, options);
});
afterAll(async () => {
  await store?.close();
  await Promise.all([folder, dir].map((path) => rm(path, { recursive: true, force: true })));
});

const opened = (): Store => store ?? expect.fail("the store is closed");
const deps = (more: Partial<RestoreDeps> = {}): RestoreDeps => ({
  place: { dir },
  options,
  release: async () => {
    await store?.close();
    store = undefined;
  },
  isThere: () => Promise.resolve(true),
  ...more,
});

describe("backup", () => {
  it("writes one file and says what it is", async () => {
    const lease = await leasedRebuild(opened(), "web");
    for (const environment of ["staging", "production"]) {
      await provenCandidate(opened(), lease, digest, environment);
      const intent = { image: "web", environment, digest, kind: "forward", by: "tidemill", reason: "newer" } as const;
      const saved = await opened().saveIntent(intent, lease);
      if (saved.kind !== "saved") expect.fail(saved.kind);
      await opened().savePromotion(saved.promotion, lease);
    }
    const output = await createBackup({ store: opened(), clock })({ to: file });
    const bytes = await readFile(file);
    expect(operations.backup.output.parse(output)).toEqual({
      at: new Date(testStart).toISOString(),
      path: file,
      bytes: bytes.length,
      sha256: sha256(bytes),
    });
  });

  it.each([
    ["a relative path", () => "state.gz", "BAD_INPUT"],
    ["a folder", () => folder, "BAD_INPUT"],
    ["a path below a file", () => join(file, "state.gz"), "DISK"],
  ])("refuses %s", async (_, to, code) => {
    const before = await readFile(file);
    await expect(createBackup({ store: opened(), clock })({ to: to() })).rejects.toMatchObject({ code });
    expect(await readFile(file)).toEqual(before);
  });
});

describe("restore", () => {
  it("is refused while a server works in the state", async () => {
    await expect(createRestore(deps({ release: undefined }))({ from: file })).rejects.toMatchObject({ code: "BUSY" });
    expect(await opened().loadImages()).toHaveLength(1);
  });

  it("brings the state back, with what the audit file knows beyond it, and names what the registry lacks", async () => {
    await opened().saveHold({
      image: "web",
      environment: null,
      byPerson: true,
      who: "ada",
      reason: "later",
      until: null,
    });
    let asked = 0;
    const isThere = () => (asked++ === 0 ? Promise.resolve(false) : Promise.reject(new Error("no answer")));
    const output = await createRestore(deps({ isThere }))({ from: file });
    expect(operations.restore.output.parse(output)).toMatchObject({
      path: file,
      at: new Date(testStart).toISOString(),
    });
    expect(output.reconciled.join("\n")).toMatch(/is kept as .*before-restore/);
    expect(output.reconciled.join("\n")).toMatch(/the database lacked \d+ rows that the audit file has/);
    expect(output.reconciled.slice(-2)).toEqual([
      "web in production is aaaaaaaaaaaa, which the registry does not have: blobs are not part of a backup",
      "web in staging is aaaaaaaaaaaa; whether the registry has it could not be asked: no answer",
    ]);
    store = await openStore({ dir }, options);
    expect(await store.loadHolds("web")).toHaveLength(1);
  });

  it("leaves the state as it is where the backup is cut off or no backup", async () => {
    const bad = join(folder, "bad.gz");
    await writeFile(bad, (await readFile(file)).subarray(0, 200));
    await expect(createRestore(deps())({ from: bad })).rejects.toMatchObject({ code: "BAD_BACKUP" });
    await expect(createRestore(deps())({ from: join(folder, "none") })).rejects.toMatchObject({ code: "BAD_BACKUP" });
    store = await openStore({ dir }, options);
    expect(await store.loadImages()).toHaveLength(1);
  });
});

describe("restore into PostgreSQL", () => {
  needs(postgresKind.missing)("takes a backup of a directory, and the place of what is there", async () => {
    const { place, remove } = await postgresKind.createPlace();
    const before = await openStore(place, options);
    try {
      await before.saveHold({ image: null, environment: null, byPerson: true, who: "ada", reason: "x", until: null });
      const output = await createRestore(deps({ place, release: () => before.close() }))({ from: file });
      expect(operations.restore.output.parse(output)).toMatchObject({ path: file, reconciled: [] });
      const after = await openStore(place, options);
      const images = await after.loadImages();
      const holds = await after.loadHolds();
      await after.close();
      expect(images.map(({ name }) => name)).toEqual(["web"]);
      expect(holds).toEqual([]);
    } finally {
      await remove();
    }
  });
});
