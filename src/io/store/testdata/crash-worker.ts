import { appendFile, readFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { silentLogger, systemClock, type Clock, type Digest } from "../../../lib/index.ts";
import { openStore, type Lease, type Promotion, type Store, type StorePlace } from "../index.ts";
import { declareImages, planned, provenCandidate } from "./given.ts";

/**
 * A process that promotes candidate after candidate until it is killed, and says on standard output what it was told is done. It begins with what
 * the one before it left, as the loop does: an intent whose effect is there is confirmed, one whose effect is missing is done.
 */
export type Said =
  | { readonly said: "open"; readonly audit: string; readonly promotions: readonly Promotion[]; readonly tag: string | null }
  | { readonly said: "intent" | "confirmed"; readonly id: string; readonly digest: Digest };

const [, , placeText = "", effects = "", life = "0", dieAt = ""] = process.argv;
// Every life begins a minute later: the lease of the one before has run out.
const clock: Clock = { ...systemClock, now: () => Date.now() + Number(life) * 60_000 };
const say = (said: Said): void => void process.stdout.write(`${JSON.stringify(said)}\n`);
const die = (point: string): void => void (point === dieAt && process.kill(process.pid, "SIGKILL"));

const store = await openStore(JSON.parse(placeText) as StorePlace, { clock, log: silentLogger() });
const [pointer] = await store.loadPointers("web");
say({
  said: "open",
  audit: (await store.verifyAudit()).kind,
  promotions: await store.loadPromotions({ limit: 10_000 }),
  tag: pointer?.digest ?? null,
});
for (const left of await store.loadOpenIntents()) await finish(store, left);
await declareImages(store, "web");
for (;;) await promoteOne(store);

async function promoteOne(on: Store): Promise<void> {
  await on.savePlan({ detail: {}, rebuilds: [planned("web")] });
  const lease = await on.leaseRebuild({ owner: String(process.pid), leaseMs: 30_000 });
  if (lease === undefined) return systemClock.sleep(20);
  const digest: Digest = `sha256:${randomUUID().replaceAll("-", "").repeat(2)}`;
  await provenCandidate(on, lease, digest);
  const intent = await on.saveIntent(
    { image: "web", environment: "production", digest, kind: "forward", by: "tidemill", reason: "verified" },
    lease,
  );
  if (intent.kind === "saved") await finish(on, intent.promotion, lease);
}

async function finish(on: Store, promotion: Promotion, lease?: Lease): Promise<void> {
  const { id, digest } = promotion;
  say({ said: "intent", id, digest });
  die("before the effect");
  const done = await readFile(effects, "utf8").catch(() => "");
  if (!done.includes(id)) await appendFile(effects, `${id}\n`);
  die("after the effect, before its commit");
  const saved = await on.savePromotion(promotion, lease, { state: "promoted" });
  if (saved.kind === "saved") say({ said: "confirmed", id, digest });
  die("after the commit");
}
