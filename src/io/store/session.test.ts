import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { sha256, silentLogger } from "../../lib/index.ts";
import { createDatabase } from "./database.ts";
import { replayAudit } from "./replay.ts";
import { withConnection } from "./sql-engine.ts";

describeStores("session", ({ it, store, clock }) => {
  const begin = async (id: string, person = "ada", before?: string): Promise<void> => {
    const who = { name: person, subject: `https://id.example#${person}`, roles: ["viewer"], labels: [] };
    const session = { ...who, id, hash: sha256(id), rules: sha256("rules"), expiresAt: clock.now() + 3_600_000 };
    await store().saveSession(session, before === undefined ? undefined : sha256(before));
    clock.advance(1);
  };
  const standing = async (): Promise<string[]> => (await store().loadSessions()).map(({ id }) => id);

  it("is found by its hash, and its beginning is recorded without it", async () => {
    await begin("one");
    expect(await store().loadSession(sha256("one"))).toMatchObject({ id: "one", name: "ada", endedAt: null });
    expect(await store().loadSession(sha256("two"))).toBeUndefined();
    const [row] = await store().loadAudit({ limit: 1 });
    expect(row).toMatchObject({ actor: "ada", action: "logged-in", detail: { id: "one" } });
    expect(JSON.stringify(row)).not.toContain(sha256("one"));
  });

  it("takes the place of the one before in a browser, and of the oldest where a person has too many", async () => {
    await begin("one");
    await begin("two", "ada", "one");
    expect(await standing()).toEqual(["two"]);
    await begin("bob's", "bob");
    for (let count = 0; count < 25; count += 1) await begin(`s${count}`);
    expect(await standing()).toHaveLength(21);
    expect(await standing()).not.toContain("two");
    expect(await standing()).toContain("bob's");
  });

  it("is gone from lists at its end, and from the table a week later", async () => {
    await begin("one");
    clock.advance(3_600_000);
    expect(await standing()).toEqual([]);
    clock.advance(8 * 86_400_000);
    await begin("two");
    expect(await store().loadSession(sha256("one"))).toBeUndefined();
  });

  it("notes its use at most once a minute", async () => {
    await begin("one");
    const use = async () => {
      const row = await store().loadSession(sha256("one"));
      if (row !== undefined) await store().saveSessionUsed(row);
      return (await store().loadSession(sha256("one")))?.lastUsedAt;
    };
    const first = await use();
    clock.advance(60_000);
    expect(await use()).toBe((first ?? 0) + 60_001);
  });

  it("ends by its id, or with all of its person, and stays ended where a state comes back that knows nothing of it", async () => {
    for (const id of ["one", "two", "three"]) await begin(id);
    await begin("bob's", "bob");
    expect(await store().saveSessionsEnded("two", { who: "eve", reason: "odd" })).toHaveLength(1);
    expect(await store().saveSessionsEnded("ada", { who: "eve", reason: "left" })).toHaveLength(2);
    expect(await store().saveSessionsEnded("ada", { who: "eve", reason: "again" })).toEqual([]);
    expect(await standing()).toEqual(["bob's"]);
    const rows = await store().loadAudit({ actions: ["session-ended"], limit: 3 });
    await withConnection(store().engine, (session) => session.script("update session set ended_at = null"));
    const db = createDatabase(store().engine, { clock, log: silentLogger() });
    await db.write(async ({ sql }) => {
      for (const row of rows) await replayAudit(sql, row);
    });
    expect(await standing()).toEqual(["bob's"]);
  });
});
