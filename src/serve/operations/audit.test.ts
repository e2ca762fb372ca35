import { generateKeyPairSync, sign } from "node:crypto";
import { afterAll, beforeAll, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { publicPem, readTrustedKey } from "../../core/signature/index.ts";
import type { Signer } from "../../io/sign/index.ts";
import { canonicalJson, sha256 } from "../../lib/index.ts";
import { checkpointAudit } from "../../loop/checkpoint-audit.ts";
import type { Context } from "../../loop/context.ts";
import { createAudit } from "./index.ts";
import { createTestContext, openTestRegistry, testConfig, type TestRegistry } from "./testdata/test-fleet.ts";

let registry: TestRegistry;
beforeAll(async () => {
  registry = await openTestRegistry();
});
afterAll(() => registry.close());

function makeSigner(): Signer {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = publicPem(privateKey);
  const key = readTrustedKey(pem);
  if (typeof key === "string") throw new Error(key);
  return { key, pem, sign: (data) => Promise.resolve(sign("sha256", data, privateKey)) };
}

const hour = 3_600_000;

describeStores("audit", ({ it, store, clock }) => {
  const [ours, theirs] = [makeSigner(), makeSigner()];
  const contextOf = (signer = ours): Context => {
    const config = testConfig((text) => `${text}evidence: { key: a.key }\n`);
    if (config.evidence === undefined) throw new Error("there are no rules");
    return createTestContext(store(), clock, registry, {
      config,
      evidence: {
        rules: config.evidence,
        verifier: { id: "urn:test", version: "1" },
        signer: () => Promise.resolve(signer),
        keys: () => Promise.resolve({ trusted: [ours.key], revoked: [] }),
      },
    });
  };
  const script = async (text: string): Promise<void> => {
    const session = await store().engine.acquire();
    await session.script(text);
    await store().engine.release(session);
  };
  const note = (what: string): Promise<void> => store().saveAudit("ann", "noted", { what });

  it("is exported in pages, each row as the line that hashes to what it says", async () => {
    for (const what of ["a", "b", "c"]) await note(what);
    const { auditExport, auditVerify } = createAudit(contextOf());
    const all: string[] = [];
    for (let after: number | null = 0; after !== null;) {
      const page: { lines: string[]; next: number | null } = await auditExport({ after, limit: 2 });
      all.push(...page.lines);
      after = page.next;
    }
    const rows = all.map((line) => JSON.parse(line) as Record<string, unknown> & { hash: string; previous: string });
    expect(rows.slice(-3).map((row) => row["detail"])).toEqual([{ what: "a" }, { what: "b" }, { what: "c" }]);
    rows.forEach(({ hash, ...row }, at) => {
      expect(sha256(canonicalJson(row))).toBe(hash);
      expect(row["previous"]).toBe(rows[at - 1]?.hash ?? "");
    });
    expect(await auditVerify({ keys: [] })).toMatchObject({
      verdict: "intact",
      rows: rows.length,
      hash: rows.at(-1)?.hash,
    });
  });

  it("is signed at most once an hour, and only where something came to it", async () => {
    const ctx = contextOf();
    await note("one");
    expect(await checkpointAudit(ctx, { now: true })).toBe(true);
    expect(await checkpointAudit(ctx, { now: true })).toBe(false);
    await note("two");
    expect(await checkpointAudit(ctx)).toBe(false);
    clock.advance(hour);
    expect(await checkpointAudit(ctx)).toBe(true);
    const { checkpoints, rows } = await createAudit(ctx).auditVerify({ keys: [] });
    expect(checkpoints).toMatchObject({ through: rows - 1 });
    expect(checkpoints.valid).toBeGreaterThanOrEqual(2);
    expect(await createAudit(ctx).auditVerify({ keys: [theirs.pem] })).toMatchObject({
      checkpoints: { valid: 0, through: null, unknown: checkpoints.valid },
    });
    await expect(createAudit(ctx).auditVerify({ keys: ["nonsense"] })).rejects.toMatchObject({ code: "BAD_INPUT" });
    expect(await checkpointAudit({ ...ctx, evidence: undefined }, { now: true })).toBe(false);
  });

  it("names the row that is another than the one that was signed", async () => {
    const ctx = contextOf();
    await note("signed");
    await checkpointAudit(ctx, { now: true });
    const [signed] = await store().loadAudit({ actions: ["noted"], limit: 1 });
    const hash = signed?.hash ?? "";
    const other = `sha256:${"0".repeat(64)}`;
    await script(`update audit set hash = '${other}' where seq = ${signed?.seq}`);
    try {
      const found = await createAudit(ctx).auditVerify({ keys: [] });
      expect(found).toMatchObject({ verdict: "broken", row: signed?.seq });
    } finally {
      await script(`update audit set hash = '${hash}' where seq = ${signed?.seq}`);
    }
    expect(await createAudit(ctx).auditVerify({ keys: [] })).toMatchObject({ verdict: "intact" });
  });

  it("takes no checkpoint for one that somebody else signed, or that says nothing", async () => {
    const ctx = contextOf();
    await note("one");
    const before = (await createAudit(ctx).auditVerify({ keys: [] })).checkpoints;
    await checkpointAudit(contextOf(theirs), { now: true });
    for (const bundle of ["", "{}", 7, JSON.stringify({ mediaType: "x", dsseEnvelope: null })])
      await store().saveAudit("eve", "checkpoint", { seq: 1, hash: `sha256:${"1".repeat(64)}`, bundle });
    const after = (await createAudit(ctx).auditVerify({ keys: [] })).checkpoints;
    expect([after.valid, after.unknown - before.unknown]).toEqual([before.valid, 5]);
  });
});
