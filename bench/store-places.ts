import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { StorePlace } from "../src/io/store/index.ts";

/** Where a bench keeps a store, by name: in the embedded database, and in PostgreSQL where DATABASE_URL names one (else it resolves to undefined). What was kept is gone afterwards. */
export const storePlaces = [
  ["pglite", withFolder],
  ["postgres", withDatabase],
] as const;

async function withFolder<Result>(work: (place: StorePlace) => Promise<Result>): Promise<Result | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-bench-store-"));
  try {
    await mkdir(join(folder, "data"));
    return await work({ dir: join(folder, "data") });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A database of its own beside the one of DATABASE_URL. */
async function withDatabase<Result>(work: (place: StorePlace) => Promise<Result>): Promise<Result | undefined> {
  const url = process.env.DATABASE_URL;
  if (url === undefined) return undefined;
  process.env.PGUSER ??= userInfo().username;
  const name = `tidemill_bench_${randomUUID().replaceAll("-", "")}`;
  const admin = new Client({ connectionString: url });
  await admin.connect();
  try {
    await admin.query(`create database ${name}`);
    const own = url.replace(/^([a-z]+:\/\/[^/?]*)(?:\/[^?]*)?/, (_whole, origin: string) => `${origin}/${name}`);
    return await work({ databaseUrl: own });
  } finally {
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
  }
}
