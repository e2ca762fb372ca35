import { sql as fragment, type Transaction } from "kysely";
import type {
  AccountAllocation,
  AuditRow,
  Deployment,
  Detail,
  Promotion,
  Rebuild,
  Tables,
  Verification,
} from "./schema.ts";

/** Columns whose numbers are moments, as the rows in an audit detail have them. */
const moments = new Set([
  "notBefore",
  "leaseUntil",
  "createdAt",
  "updatedAt",
  "finishedAt",
  "startedAt",
  "appliedAt",
  "confirmedAt",
  "attachedAt",
  "firstSeen",
  "retryAt",
  "until",
  "liftedAt",
  "removedAt",
  "resumeAt",
]);

/**
 * Does again to the tables what a row of the audit chain says was done: what a person said, what an environment was promised, and what was proven. A snapshot or a database
 * that lost its last transactions comes back to it by this. False where the row says nothing about tables.
 */
export async function replayAudit(sql: Transaction<Tables>, row: AuditRow): Promise<boolean> {
  const { action, detail } = row;
  if (
    action === "intent" ||
    action === "promoted" ||
    action === "rolled-back" ||
    action === "conflict" ||
    action === "refused"
  ) {
    return replayPromotion(sql, detail as unknown as Promotion);
  }
  if (action === "deployed" || action.startsWith("deploy-"))
    return replayDeployment(sql, detail as unknown as Deployment);
  if (action === "accounts-allocated") {
    await sql
      .insertInto("accountAllocation")
      .values(detail.accounts as AccountAllocation[])
      .onConflict((conflict) => conflict.column("name").doNothing())
      .execute();
    return true;
  }
  if (action.startsWith("bump-"))
    return upsert(sql, "bump", ["key"], { ...detail, leaseOwner: null, leaseUntil: null });
  if (action === "held") return upsert(sql, "hold", ["id"], detail);
  if (action === "vex-added") return upsert(sql, "vex_statement", ["id"], detail);
  if (action === "vex-removed") {
    const removed = { removedAt: new Date(row.at).toISOString(), removedBy: row.actor };
    await sql.updateTable("vexStatement").set(removed).where("id", "=", String(detail.id)).execute();
    return true;
  }
  // Who made one knows its secret and we do not: what is lost of a token stays lost, and what was revoked stays revoked.
  if (action === "token-revoked") {
    const revoked = { revokedAt: new Date(row.at).toISOString(), revokedBy: row.actor };
    await sql.updateTable("token").set(revoked).where("id", "=", String(detail.id)).execute();
    return true;
  }
  if (action === "session-ended") {
    const ended = { endedAt: new Date(row.at).toISOString(), endedBy: row.actor };
    await sql.updateTable("session").set(ended).where("id", "=", String(detail.id)).execute();
    return true;
  }
  if (action === "approved" || action === "rejected")
    return upsert(sql, "approval", ["image", "environment", "digest", "who"], detail);
  if (action === "attested")
    return upsert(sql, "evidence", ["image", "digest", "subject", "predicate", "scope", "key"], detail);
  if (action === "quarantined") return upsert(sql, "quarantine", ["image", "digest"], detail);
  if (action === "resumed") {
    const lifted = { liftedAt: new Date(row.at).toISOString(), liftedBy: row.actor };
    await sql.updateTable("hold").set(lifted).where("id", "=", String(detail.id)).execute();
    return true;
  }
  if (action.startsWith("rebuild-") && isRow(detail.row)) {
    const rebuild = { ...(detail.row as unknown as Rebuild), plan: null, leaseOwner: null, leaseUntil: null };
    await upsert(sql, "rebuild", ["id"], rebuild);
    if (isRow(detail.made)) {
      await upsert(sql, "image_digest", ["image", "digest"], detail.made);
    }
    return true;
  }
  if (action === "verified" && isRow(detail.row)) {
    const verification = detail.row as unknown as Verification;
    const known = await sql
      .selectFrom("rebuild")
      .select("id")
      .where("id", "=", verification.rebuild)
      .executeTakeFirst();
    return known !== undefined && upsert(sql, "verification", ["id"], verification);
  }
  return false;
}

async function replayPromotion(sql: Transaction<Tables>, promotion: Promotion): Promise<boolean> {
  const known =
    promotion.rebuild !== null &&
    (await sql.selectFrom("rebuild").select("id").where("id", "=", promotion.rebuild).executeTakeFirst()) !== undefined;
  await upsert(sql, "promotion", ["id"], { ...promotion, rebuild: known ? promotion.rebuild : null });
  const { image, environment, digest, previous, fence } = promotion;
  await upsert(sql, "pointer", ["image", "environment"], { image, environment, fence });
  if (promotion.state === "confirmed") {
    const pointer = {
      image,
      environment,
      digest,
      previous,
      promotion: promotion.id,
      since: promotion.confirmedAt,
      fence,
    };
    await upsert(sql, "pointer", ["image", "environment"], pointer);
  }
  return true;
}

async function replayDeployment(sql: Transaction<Tables>, deployment: Deployment): Promise<true> {
  await upsert(sql, "deployment", ["id"], deployment);
  const { id, name, image, digest, state, fence, confirmedAt } = deployment;
  // Whoever worked there before the loss must not be able to go on.
  const place = { name, image, fence: fence + 1, leaseOwner: null, leaseUntil: null };
  const confirmed = state === "confirmed" ? { digest, deployment: id, since: confirmedAt } : { since: null };
  return upsert(sql, "deployed", ["name", "image"], { ...place, ...confirmed });
}

/** An image that is known by its name only, retired until the configuration declares it again. */
async function insertStandIn(sql: Transaction<Tables>, name: string): Promise<void> {
  const retiredAt = new Date(0).toISOString();
  await sql
    .insertInto("image")
    .values({ name, repository: "", definition: "{}", recipeKey: "", parents: "[]", retiredAt })
    .onConflict((conflict) => conflict.column("name").doNothing())
    .execute();
}

/** Writes the columns that `row` has, over a row with the same key. */
async function upsert(sql: Transaction<Tables>, table: string, keys: readonly string[], row: object): Promise<true> {
  const { image } = row as { image?: string | null };
  if (typeof image === "string") await insertStandIn(sql, image);
  const columns = Object.fromEntries(
    Object.entries(row).map(([name, value]) => [snakeCase(name), columnValue(name, value)]),
  );
  const names = Object.keys(columns);
  const list = fragment.join(names.map((name) => fragment.ref(name)));
  const changes = names
    .filter((name) => !keys.includes(name))
    .map((name) => fragment`${fragment.ref(name)} = ${fragment.ref(`excluded.${name}`)}`);
  await fragment`
    insert into ${fragment.table(table)} (${list})
    select ${list} from jsonb_populate_record(null::${fragment.table(table)}, ${JSON.stringify(columns)}::jsonb)
    on conflict (${fragment.join(keys.map((key) => fragment.ref(key)))}) do update set ${fragment.join(changes)}`.execute(
    sql,
  );
  return true;
}

function columnValue(name: string, value: unknown): unknown {
  return (moments.has(name) || name === "since") && typeof value === "number" ? new Date(value).toISOString() : value;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function isRow(value: unknown): value is Detail {
  return typeof value === "object" && value !== null;
}
