import { randomUUID } from "node:crypto";
import type { Kysely } from "kysely";
import type { Instant } from "../../lib/index.ts";
import { json, timestamp, type Detail, type Tables } from "./schema.ts";

/** Puts a notification into the outbox, due at once; resolves to its id. */
export async function insertNotification(
  sql: Kysely<Tables>,
  at: Instant,
  event: string,
  body: Detail,
): Promise<string> {
  const id = randomUUID();
  await sql
    .insertInto("notification")
    .values({ id, event, body: json(body), nextAttempt: timestamp(at), createdAt: timestamp(at) })
    .execute();
  return id;
}
