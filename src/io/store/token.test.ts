import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { sha256, silentLogger } from "../../lib/index.ts";
import { withConnection } from "./sql-engine.ts";
import { createDatabase } from "./database.ts";
import { replayAudit } from "./replay.ts";

const day = 86_400_000;

describeStores("token", ({ it, store, clock }) => {
  const make = (name: string, days = 30, id = name.padEnd(16, "0")) =>
    store().saveToken({
      id,
      name,
      hash: sha256(`secret of ${name}`),
      person: null,
      roles: ["operator"],
      labels: ["team=payments"],
      expiresAt: clock.now() + days * day,
      who: "ada",
    });

  it("is kept by its hash, found by its id, and its making is recorded without the hash", async () => {
    expect(await make("ci")).toMatchObject({ name: "ci", createdBy: "ada", lastUsedAt: null, revokedAt: null });
    expect(await store().loadToken("ci".padEnd(16, "0"))).toMatchObject({
      hash: sha256("secret of ci"),
      roles: ["operator"],
      labels: ["team=payments"],
    });
    expect(await store().loadToken("nobody")).toBeUndefined();
    const [row] = await store().loadAudit({ limit: 1 });
    expect(row).toMatchObject({ actor: "ada", action: "token-created", detail: { name: "ci" } });
    expect(JSON.stringify(row)).not.toContain(sha256("secret of ci"));
  });

  it("has its name for itself until it is revoked or has expired", async () => {
    await make("ci", 1);
    expect(await make("ci", 1, "1".repeat(16))).toBeUndefined();
    clock.advance(day);
    expect(await make("ci", 1, "2".repeat(16))).toMatchObject({ name: "ci" });
    expect(await store().saveTokenRevoked("ci", { who: "bob", reason: "seen in a log" })).toMatchObject({
      id: "2".repeat(16),
      revokedBy: "bob",
    });
    expect(await store().saveTokenRevoked("ci", { who: "bob", reason: "again" })).toBeUndefined();
    expect(await make("ci", 1, "3".repeat(16))).toMatchObject({ name: "ci" });
    expect(await store().loadTokens()).toHaveLength(3);
  });

  it("notes its use at most once a minute", async () => {
    const id = (await make("ci"))?.id ?? "";
    const use = async () => {
      const row = await store().loadToken(id);
      if (row !== undefined) await store().saveTokenUsed(row);
      return (await store().loadToken(id))?.lastUsedAt;
    };
    const first = await use();
    expect(first).toBe(clock.now());
    clock.advance(59_000);
    expect(await use()).toBe(first);
    clock.advance(1000);
    expect(await use()).toBe(clock.now());
  });

  it("stays revoked where a state comes back that knows nothing of it", async () => {
    const row = await make("ci");
    await store().saveTokenRevoked("ci", { who: "bob", reason: "stolen" });
    const [revoked] = await store().loadAudit({ actions: ["token-revoked"], limit: 1 });
    await withConnection(store().engine, (session) => session.script("update token set revoked_at = null"));
    expect(await store().loadToken(row?.id ?? "")).toMatchObject({ revokedAt: null });
    const db = createDatabase(store().engine, { clock, log: silentLogger() });
    await db.write(async ({ sql }) => {
      if (revoked !== undefined) await replayAudit(sql, revoked);
    });
    expect(await store().loadToken(row?.id ?? "")).toMatchObject({ revokedAt: revoked?.at, revokedBy: "bob" });
  });
});
