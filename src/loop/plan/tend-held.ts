import { lineageOf } from "../../core/config/index.ts";
import { findHeldCures, type HeldCure } from "../../core/remedy/index.ts";
import type { Plan } from "../../core/plan/index.ts";
import type { Pointer } from "../../io/store/index.ts";
import type { Context } from "../context.ts";
import { explainHeld, type HeldFacts } from "./explain-held.ts";
import type { FleetFacts } from "./load-facts.ts";
import type { ImageRemedies } from "./load-remedies.ts";
import { matchFleet } from "./match-fleet.ts";

const code = "urgent-held-back";
/** Told of in one look; the others follow when these are over. */
const most = 200;
const mostNamed = 10;

/**
 * Tells a person at once where something is kept out that would close what is known to be exploited: one alarm for each image, thing and advisory, told of anew only when it changes, and over when nothing keeps
 * it out any more. What makes it so may come later than the hold: the feeds are asked anew with each plan.
 */
export async function tendHeld(
  ctx: Context,
  facts: FleetFacts,
  plan: Plan,
  remedies: readonly ImageRemedies[],
): Promise<void> {
  const { store } = ctx;
  const standing = (await store.loadAlarms()).filter((one) => one.code === code);
  const holds = await store.loadHolds();
  const pauses = holds.flatMap(({ image, environment, reason }) =>
    environment === null ? [] : [{ image, environment, reason }],
  );
  const held = findHeldCures(remedies, plan, pauses).slice(0, most);
  const wanted = new Set<string>();
  if (held.length > 0) {
    const [pointers, quarantines] = await Promise.all([store.loadPointers(), store.loadQuarantines()]);
    const known: HeldFacts = {
      plan,
      images: facts.images,
      holds,
      quarantines,
      lineageOf: (image) => [...lineageOf(ctx.config, image), image],
    };
    const placesOf = createPlaces(ctx, pointers);
    for (const cure of held) {
      const open = await findOpen(cure, placesOf);
      if (open.length === 0) continue;
      const told = await explainHeld(ctx, known, cure, open);
      const subject = `${cure.image} ${cure.item.name} ${told.version} ${cure.advisory}`;
      wanted.add(subject);
      const raised = await store.saveAlarm({ ...told.alarm, code, subject, severity: "error", retold: true });
      if (raised.isNew) ctx.emit({ kind: "alarm", image: cure.image, message: told.alarm.message });
    }
  }
  for (const { subject } of standing) if (!wanted.has(subject)) await store.saveAlarmCleared({ code, subject });
}

/** Where images are open to it, the image first whose rebuild cures. A pause of one environment keeps it out of that one alone. */
async function findOpen(
  { image, advisory, environment, open }: HeldCure,
  placesOf: PlacesOf,
): Promise<{ readonly image: string; readonly environments: readonly string[] }[]> {
  const own = [image, ...open.filter((one) => one !== image)];
  const found = [];
  for (const one of own.slice(0, mostNamed)) {
    const places = await placesOf(one, advisory);
    const environments = places.filter((name) => environment === undefined || name === environment);
    if (environments.length > 0) found.push({ image: one, environments });
  }
  return found;
}

function isAccepted(status: string | undefined): boolean {
  return status === "not_affected" || status === "fixed";
}

/** Environments that name a digest of the image in which the advisory is open. */
type PlacesOf = (image: string, advisory: string) => Promise<readonly string[]>;

function createPlaces(ctx: Context, pointers: readonly Pointer[]): PlacesOf {
  const found = new Map<string, Promise<ReadonlySet<string>>>();
  const idsIn = async (image: string, digest: NonNullable<Pointer["digest"]>): Promise<ReadonlySet<string>> => {
    const row = await ctx.store.loadImageDigest(image, digest);
    if (row === undefined) return new Set();
    const inventories = await ctx.store.loadInventories(Object.values(row.inventories));
    const { images } = await matchFleet(ctx, new Map([[image, row]]), inventories);
    const findings = (images.get(image) ?? []).flatMap(({ report }) => report.findings);
    return new Set(findings.filter(({ vex }) => !isAccepted(vex?.status)).map(({ id }) => id));
  };
  return async (image, advisory) => {
    const places: string[] = [];
    for (const { name } of ctx.config.environments) {
      const digest = pointers.find((one) => one.image === image && one.environment === name)?.digest;
      if (digest === null || digest === undefined) continue;
      const key = `${image}@${digest}`;
      const ids = found.get(key) ?? idsIn(image, digest);
      found.set(key, ids);
      if ((await ids).has(advisory)) places.push(name);
    }
    return places;
  };
}
