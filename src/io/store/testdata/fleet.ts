import { sha256 } from "../../../lib/index.ts";
import { madeUniverse } from "../../../../test/apt/packages-text.ts";
import { matchUnitsOf } from "../../../core/advisory/index.ts";
import type { Exposure, Store } from "../index.ts";
import { withConnection, type SqlEngine } from "../sql-engine.ts";
import { declareImages, digestOf, planned, provenCandidate, takeLease } from "./given.ts";

/** Something in every table: one image in production, one with an intent, one on hold. */
export async function saveFleet(store: Store): Promise<void> {
  await declareImages(store, "base", "web", "stuck");
  await store.saveUpstreams([{ name: "debian bookworm", kind: "debian", detail: { suite: "bookworm" } }]);
  await store.saveUpstreamAttempt("debian bookworm", { code: "INDEX_OLDER", message: "older", hint: null });
  await store.saveObservation({ upstream: "debian bookworm", contentKey: "sha256:1", detail: { 'od"d': "\u2028ü\n" } });
  await store.savePackageRecords(madeUniverse({ main: [{ name: "nginx" }] }).versions("nginx"));
  await store.savePackagesSeen([
    { upstream: "debian bookworm", name: "zlib1g", architecture: "amd64", version: "1:1.2", firstSeen: 1_767_000_000_123, baseline: true },
  ]);
  const [inventory] = await store.saveInventories([
    { platform: { os: "linux", architecture: "amd64" }, os: undefined, packages: [], status: "unknown", system: "unknown", problems: ["cut off"] },
  ]);
  if (inventory === undefined) throw new Error("the inventory has no key");
  const curl = { type: "deb", name: "curl", version: "1", architecture: "amd64", source: "curl", sourceVersion: "1" } as const;
  const os = { id: "debian", versionId: "12", codename: "bookworm", prettyName: undefined };
  const platform = { os: "linux", architecture: "amd64" };
  const held = { platform, os, packages: [{ ...curl, layer: digestOf("e") }], problems: [], status: "complete", system: "complete" } as const;
  await store.saveInventoryPackages([{ key: inventory, units: matchUnitsOf(held) }]);
  const names = { id: "CVE-2026-1", aliases: ["GHSA-1"], upstream: [], summary: "", published: undefined };
  const finding = { ...curl, ...names, package: "curl", state: "affected", fixed: "2" } as const;
  for (const { id } of await store.loadMatchPackages({ unmatched: true }, 10))
    await store.saveMatches([{ id, findings: [finding], isCovered: true, withdrawn: new Set() }]);
  await store.saveAccountAllocations(["postgres", "redis"], { first: 200, last: 300 });
  await store.saveSetting("breaker", { open: false });
  const file = { repository: "https://git.example/app", branch: "main", file: "package-lock.json" } as const;
  await store.saveBumpWish({ key: "1", ...file, type: "npm", package: "qs", images: ["web"], moves: [], findings: [] });
  await store.saveEvents([{ endpoint: "forge", key: "1", subjects: [{ kind: "advisories" }] }]);
  await store.saveImageRemedies([{ image: "base", digest: digestOf("a"), state: "unknown", reasons: ["no feed"], cures: [] }]);
  await store.saveNotification("promoted", { image: "web" });
  await store.saveAlarm({ code: "feed-stale", subject: "osv", severity: "warning", message: "a week old" });
  await store.saveHold({ image: "stuck", environment: null, byPerson: true, who: "ann", reason: "fair", until: null });
  const said = { vulnerability: "CVE-2026-1", package: "openssl", image: "web", status: "not_affected", reason: "unused" } as const;
  const more = { justification: "component_not_present", author: "ann", until: 1_768_000_000_000, who: "ann" };
  await store.saveVexStatement({ ...said, ...more });
  const taken = await store.saveVexStatement({ ...said, ...more, until: null });
  const token = { id: "0".repeat(16), name: "ci", hash: sha256("a secret"), person: null, roles: ["viewer"], labels: [] };
  await store.saveToken({ ...token, expiresAt: Date.UTC(2027, 0, 1), who: "ada" });
  const session = { id: "1".repeat(16), hash: sha256("another"), name: "ada", subject: "https://id.example#1", rules: sha256("{}") };
  await store.saveSession({ ...session, roles: ["viewer"], labels: [], expiresAt: Date.UTC(2027, 0, 1) }, undefined);
  await store.beginKeyed({ caller: "ada", key: "k", operation: "hold", input: sha256("{}"), server: "one" });
  await store.saveVexStatementsRemoved([taken.id], { who: "eve", reason: "used" });
  const word = { vulnerabilities: ["CVE-2026-1"], products: [], status: "fixed", reason: "", author: "them", timestamp: 1_767_000_000_000 } as const;
  await store.saveBaseVex({ base: "debian:12", digest: digestOf("f"), digests: [digestOf("f")], statements: [{ ...word, expires: undefined }], problems: ["one is not signed"] });
  await store.saveQuarantine({ image: "stuck", digest: digestOf("d"), packages: [], reason: "crashes", who: "eve" });

  await store.savePlan({ detail: { why: "DSA-1" }, rebuilds: [planned("base"), planned("web", { lane: "urgent" })] });
  for (const [image, digest] of [["base", digestOf("a")], ["web", digestOf("b")]] as const) {
    const lease = await takeLease(store, image);
    await store.saveStep(lease, "push", { digest });
    const asked = await store.saveRunIntent(lease, { place: "its pipeline", noCache: false, bases: {}, token: { text: "t", hash: sha256("t") } });
    if (asked.kind === "saved") await store.saveRun(lease, asked.run.id, { tried: true, url: "https://ci.example/1" });
    await store.saveBuildLog(lease.rebuild.id, "step 1 of 2\nstep 2 of 2", 0);
    await provenCandidate(store, lease, digest);
    for (const { id } of await store.loadVerifications({ image }))
      await store.saveCheckLogs(id, [{ name: "run: a", text: "it said this" }]);
    const question = { image, environment: "production", digest, message: "an approval is missing", answer: "tidemill approve" };
    await store.saveQuestions(lease.rebuild.id, [{ kind: "approval", ...question }]);
    const piece = { image, digest, subject: digest, predicate: "https://slsa.dev/provenance/v1", scope: "one", key: "sha256:1" };
    await store.saveEvidence(piece, "{}");
    if (image === "web") await store.saveEvidenceAttached(piece, digestOf("9"));
    const intent = await store.saveIntent(
      { image, environment: "production", digest, kind: "forward", by: "tidemill", reason: "verified" },
      lease,
    );
    if (image !== "web" || intent.kind !== "saved") continue;
    await store.savePromotion(intent.promotion, lease, { state: "promoted" });
    const place = { image, environment: "production" };
    await store.saveSoak({ ...place, promotion: intent.promotion.id }, () => ({ stoodMs: 5, detail: { look: { at: 7 } } }));
    const own = await store.leasePlace({ name: "shop", image, owner: "one", leaseMs: 60_000 });
    if (own === undefined) throw new Error("the place is taken");
    const toRun = { environment: "production", digest, by: "tidemill", reason: "production names it" };
    const begun = await store.saveDeployIntent(own, toRun);
    if (begun.kind !== "saved") throw new Error(begun.kind);
    await store.saveDeployment(own, begun.deployment.id, { to: "confirmed" });
    await store.savePlaceLook(own, { waiting: "it is looked at", runs: true });
    await store.renewExposures(10, () => ({
      exposures: [exposureOf(image, digest)],
      rebuilds: [{ rebuild: lease.rebuild.id, image, state: "promoted", finished: Date.UTC(2026, 0, 5), labels: {}, closed: 0 }],
    }));
    await store.saveForgeReports([
      {
        key: `status:${image}`,
        image,
        kind: "status",
        detail: { commit: "a".repeat(40), environment: "production", state: "success", name: "tidemill", description: "" },
        wanted: "success",
      },
    ]);
    await store.saveApproval({ ...place, digest, who: "ann", verdict: "approved", reason: "tried it" });
  }
}

/** Every row of every table of ours as the database has it; `except` are tables that may differ. */
export async function dumpTables(engine: SqlEngine, ...except: string[]): Promise<Record<string, unknown[]>> {
  return withConnection(engine, async (session) => {
    const dump: Record<string, unknown[]> = {};
    const { rows } = await session.query("select tablename::text as name from pg_tables where schemaname = 'public' order by 1");
    for (const name of rows.map((row) => String(row.name))) {
      if (name === "migration" || name === "exposure_due" || except.includes(name)) continue;
      const found = await session.query(`select to_jsonb(t) as row from "${name}" t order by to_jsonb(t)::text`);
      dump[name] = found.rows.map(({ row }) => row);
    }
    return dump;
  });
}

function exposureOf(image: string, digest: Exposure["digest"]): Exposure {
  const moment = Date.UTC(2026, 0, 5);
  return {
    image,
    environment: "production",
    advisory: "CVE-2026-0001",
    life: 1,
    turn: 1,
    severity: "high",
    aliases: ["DSA-1"],
    published: moment,
    fixAvailable: moment,
    detected: moment,
    built: null,
    verified: null,
    promoted: null,
    deployed: null,
    closed: null,
    endKind: null,
    digest,
    sources: { detected: "match" },
    exploitedSince: null,
    kevDue: null,
    labels: { team: "shop" },
    due: { fedramp: moment },
    dueAt: moment,
    dueRule: "fedramp",
    warnAt: moment,
  };
}
