import type { Finding } from "../core/advisory/index.ts";
import type { Inventory } from "../core/inventory/index.ts";
import type { ImageDigest, MaliciousHolding } from "../io/store/index.ts";
import type { Digest } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { loadFleetVex, type FleetVex } from "./fleet-vex.ts";
import { findMalware } from "./malware.ts";
import { takeBack } from "./promote/index.ts";

/** Who quarantined it: only that is lifted where the advisory is taken back. */
const who = "tidemill, for malware";
const code = "malicious-package";
/** How long it stays an alarm that an environment ran it: what it could reach there is for a person to look after. */
const rememberedMs = 7 * 86_400_000;

/**
 * Leaves what was published to do harm: every digest that holds it is quarantined, so that nothing promotes it or goes back to it, and an environment that runs it is taken back to the newest good digest
 * without it, where policy does not say that a person does that. Where the advisory is withdrawn, or a person says by VEX that it is wrong, the digests are free again. Can be done again.
 */
export async function leaveMalicious(ctx: Context): Promise<void> {
  const { store, config } = ctx;
  const [held, quarantines, pointers, alarms] = await Promise.all([
    loadMalware(ctx),
    store.loadQuarantines(),
    store.loadPointers(),
    store.loadAlarms(),
  ]);
  const keyOf = ({ image, digest }: { image: string; digest: Digest }): string => `${image}@${digest}`;
  const known = new Set(quarantines.map(keyOf));
  for (const one of held.values()) {
    if (known.has(keyOf(one))) continue;
    const { image, digest, packages } = one;
    await store.saveQuarantine({ image, digest, packages, reason: one.messages.join("; ").slice(0, 1000), who });
  }
  for (const one of quarantines) {
    if (one.who !== who || held.has(keyOf(one))) continue;
    const { image, digest } = one;
    await store.saveQuarantineLifted({ image, digest, who, reason: "no advisory calls it malicious any more" });
  }
  const standing = new Set<string>();
  for (const { image, environment, digest } of pointers) {
    const found = digest === null ? undefined : held.get(`${image}@${digest}`);
    if (digest === null || found === undefined || config.images[image] === undefined) continue;
    ctx.signal.throwIfAborted();
    standing.add(`${image}:${environment}`);
    await leave(ctx, { image, environment, digest }, found);
  }
  const now = ctx.clock.now();
  for (const { code: other, subject, since } of alarms)
    if (other === code && !standing.has(subject) && (now - since >= rememberedMs || !isDeclared(ctx, subject)))
      await store.saveAlarmCleared({ code, subject });
}

async function leave(
  ctx: Context,
  { image, environment, digest }: { readonly image: string; readonly environment: string; readonly digest: Digest },
  { messages }: Malware,
): Promise<void> {
  const what = messages.slice(0, 5).join("; ");
  const message = `${image} in ${environment} runs ${image}@${digest}, in which ${what}: what it could reach there is no secret any more`;
  const alarm = { code, subject: `${image}:${environment}` };
  if (ctx.config.policies.malicious === "rollback") {
    const evidence = { malicious: messages.slice(0, 50) };
    await takeBack(ctx, { image, environment, digest, message, reason: what.slice(0, 1000), alarm, evidence });
    return;
  }
  const hint = `It was not taken back, for \`policies.malicious\` is \`alarm\`: \`tidemill rollback ${image} ${environment}\` does it.`;
  const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message, hint });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
}

interface Malware {
  readonly image: string;
  readonly digest: Digest;
  /** One sentence for each package. */
  readonly messages: readonly string[];
  /** Those of them that suites offer: a rebuild takes others. */
  readonly packages: readonly { readonly name: string; readonly architecture: string; readonly version: string }[];
}

/** Every digest that holds malware that nobody's word set aside, by `image@digest`. */
async function loadMalware(ctx: Context): Promise<Map<string, Malware>> {
  const found = new Map<string, Malware>();
  const holdings = await ctx.store.loadMalicious();
  if (holdings.length === 0) return found;
  const rows = await ctx.store.loadDigests(holdings.map(({ digest }) => digest));
  const [vex, inventories] = await Promise.all([
    loadFleetVex(ctx, rows),
    ctx.store.loadInventories([...new Set(holdings.map(({ inventory }) => inventory))]),
  ]);
  const byDigest = Map.groupBy(holdings, ({ image, digest }) => `${image}@${digest}`);
  for (const [key, list] of byDigest) {
    const row = rows.find(({ image, digest }) => `${image}@${digest}` === key);
    if (row === undefined) continue;
    const one = describe(row, list, inventories, vex);
    if (one.messages.length > 0) found.set(key, one);
  }
  return found;
}

function describe(
  row: ImageDigest,
  holdings: readonly MaliciousHolding[],
  inventories: ReadonlyMap<Digest, Inventory>,
  vex: FleetVex,
): Malware {
  const told: Finding[] = [];
  for (const [key, list] of Map.groupBy(holdings, ({ inventory }) => inventory)) {
    const inventory = inventories.get(key);
    if (inventory === undefined) continue;
    told.push(
      ...vex.apply(
        list.flatMap((one) => findingsOf(one, inventory)),
        row,
        inventory,
      ),
    );
  }
  const messages = findMalware(told);
  const bad = told.filter((one) => one.type === "deb" && findMalware([one]).length > 0);
  const packages = bad.map(({ package: name, architecture, version }) => ({ name, architecture, version }));
  return { image: row.image, digest: row.digest, messages, packages };
}

/** The finding, in every place of the image that has the package. */
function findingsOf({ advisory, detail, entry }: MaliciousHolding, { packages }: Inventory): Finding[] {
  const { aliases, upstream, malicious } = detail;
  return packages
    .filter(
      ({ type, name, version, owner }) =>
        owner === undefined && type === entry.type && name === entry.name && version === entry.version,
    )
    .map(({ type, name, version, architecture, source, layer, path }) => ({
      id: advisory,
      aliases,
      upstream,
      package: name,
      type,
      architecture,
      source,
      version,
      state: "affected",
      fixed: undefined,
      published: detail.published ?? undefined,
      summary: "",
      malicious: malicious === true,
      layer,
      ...(path === undefined ? {} : { path }),
    }));
}

function isDeclared({ config }: Context, subject: string): boolean {
  const [image = "", environment] = subject.split(":");
  return config.images[image] !== undefined && config.environments.some(({ name }) => name === environment);
}
