import { createHash, randomUUID } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterAll, beforeAll, beforeEach, describe } from "vitest";
import { openStore, type Store, type StoreOptions, type StorePlace } from "../../src/io/store/index.ts";
import { manualClock, silentLogger } from "../../src/lib/index.ts";
import { needs } from "../needs.ts";

type TestIt = ReturnType<typeof needs>;

/** The moment at which every test's clock begins. */
export const testStart = Date.UTC(2026, 0, 5, 9);

/** One of the two databases, for tests. */
export interface StoreKind {
  readonly name: "PGlite" | "PostgreSQL";
  /** Why it cannot be used here. */
  readonly missing: string | undefined;
  /** A new, empty place that nobody else uses; `remove` ends it. */
  createPlace(): Promise<{ readonly place: StorePlace; readonly remove: () => Promise<void> }>;
}

const databaseUrl = process.env.DATABASE_URL;

export const pgliteKind: StoreKind = {
  name: "PGlite",
  missing: undefined,
  createPlace: async () => {
    const dir = await createPgliteDir();
    return { place: { dir }, remove: () => rm(dir, { recursive: true, force: true }) };
  },
};

export const postgresKind: StoreKind = {
  name: "PostgreSQL",
  missing: databaseUrl === undefined ? "DATABASE_URL names no PostgreSQL" : undefined,
  createPlace: async () => {
    const name = `tidemill_${randomUUID().replaceAll("-", "")}`;
    await asAdmin(`create database ${name}`);
    return {
      place: { databaseUrl: urlOf(name) },
      remove: () => asAdmin(`drop database if exists ${name} with (force)`),
    };
  },
};

export const storeKinds: readonly StoreKind[] = [pgliteKind, postgresKind];

export interface StoreTest {
  readonly kind: StoreKind;
  readonly it: TestIt;
  /** The store of this block; every test finds it empty (but for the audit chain). */
  readonly store: () => Store;
  readonly place: () => StorePlace;
  readonly clock: ReturnType<typeof manualClock>;
}

/** A block of tests that runs on each database, on a store of its own. */
export function describeStores(
  name: string,
  body: (given: StoreTest) => void,
  options: Partial<Omit<StoreOptions, "clock">> = {},
): void {
  describe.each(storeKinds)(`${name} ($name)`, (kind) => {
    const clock = manualClock(testStart);
    let opened: { store: Store; place: StorePlace; remove: () => Promise<void> } | undefined;
    if (kind.missing === undefined) {
      beforeAll(async () => {
        const { place, remove } = await kind.createPlace();
        opened = { store: await openStore(place, { clock, log: silentLogger(), ...options }), place, remove };
      }, 120_000);
      beforeEach(() => emptyStore(given().store));
      afterAll(async () => {
        await opened?.store.close();
        await opened?.remove();
      });
    }
    const given = (): { store: Store; place: StorePlace } => {
      if (opened === undefined) throw new Error("the store is open within a test only");
      return opened;
    };
    body({ kind, it: needs(kind.missing), store: () => given().store, place: () => given().place, clock });
  });
}

/** Removes every row but those of the audit chain, which never shrinks. */
export async function emptyStore(store: Store): Promise<void> {
  const connection = await store.engine.acquire();
  try {
    await connection.script("truncate token, session, idempotency");
    await connection.script(
      "truncate image, image_remedy, upstream, observation, package_seen, inventory, package_system, package, package_key, inventory_package, finding, image_digest, plan, rebuild, build_log, check_log, question, cause, rebuild_step, external_run, verification, promotion, pointer, deployment, deployed, soak, hold, approval, vex_statement, quarantine, alarm, notification, account_allocation, event, forge_report; delete from setting where key <> 'audit-head'",
    );
    await connection.script("truncate exposure, exposure_due, exposure_rebuild, exposure_day");
  } finally {
    await store.engine.release(connection);
  }
}

/** A directory with a database that is made once for all tests and copied. */
export async function createPgliteDir(): Promise<string> {
  const template = await pgliteTemplate();
  const dir = await mkdtemp(join(tmpdir(), "tidemill-store-"));
  await cp(template, dir, { recursive: true });
  return dir;
}

async function pgliteTemplate(): Promise<string> {
  const template = join(tmpdir(), `tidemill-store-template-${userInfo().uid}-${await templateKey()}`);
  if (await exists(template)) return template;
  const making = await mkdtemp(join(tmpdir(), "tidemill-store-making-"));
  const store = await openStore({ dir: making }, { clock: manualClock(testStart), log: silentLogger() });
  await store.close();
  // Another worker may have been quicker: then its copy is as good.
  await rename(making, template).catch(() => rm(making, { recursive: true, force: true }));
  return template;
}

/** Another version of PGlite or another set of migrations needs another template. */
async function templateKey(): Promise<string> {
  const hash = createHash("sha256");
  const pglite = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  hash.update(await readFile(join(pglite, "../../package.json")));
  const folder = new URL("../../src/io/store/migrations/", import.meta.url);
  for (const name of (await readdir(folder)).sort()) hash.update(await readFile(new URL(name, folder)));
  return hash.digest("hex").slice(0, 16);
}

function urlOf(database: string): string {
  const url = databaseUrl ?? "";
  return url.replace(/^([a-z]+:\/\/[^/?]*)(?:\/[^?]*)?/, (_whole, origin: string) => `${origin}/${database}`);
}

async function asAdmin(statement: string): Promise<void> {
  // As libpq does, and as the store does.
  process.env.PGUSER ??= userInfo().username;
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Makes an empty folder; for places that are not a store yet. */
export async function createEmptyDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "tidemill-store-"));
  await mkdir(dir, { recursive: true });
  return dir;
}
