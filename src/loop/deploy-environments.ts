import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { imagesOf } from "../core/config/index.ts";
import type { FollowedPlace, Place } from "../io/deploy/index.ts";
import { messageOf } from "../lib/index.ts";
import type { Context } from "./context.ts";
import { deployPlace, type DeployPowers, type PlaceEnd } from "./deploy/index.ts";
import { obeyPerson, takeBack } from "./promote/index.ts";

const atOnce = 8;
/** How often it is asked what the environments name. */
const lookMs = 500;
/** How often a system where all is well is asked what it runs: where it does not tell of changes, and where it does, for what it may have left out. */
const observeMs = 30_000;
const resyncMs = 300_000;
/** At most so often it is looked at because of what it tells. */
const toldMs = 5000;
/** Between two tries at a place that waits: more each time. */
const firstPauseMs = 1000;
const longestPauseMs = 60_000;
const busyMs = 3000;

/** Looks once at every place of the fleet and does there what can be done now. Resolves to whether anything was. */
export async function deployFleet(ctx: Context): Promise<boolean> {
  const waiting = placesOf(ctx);
  const ends: PlaceEnd[] = [];
  const look = async (): Promise<void> => {
    for (let place = waiting.shift(); place !== undefined; place = waiting.shift())
      ends.push(await deployPlace(ctx, powersOf(ctx), place));
  };
  await Promise.all(Array.from({ length: atOnce }, look));
  return ends.some(({ kind }) => kind === "moved");
}

/**
 * Has the running systems use what the environments name, until `signal`: apart from the watch, so that a way back waits for nothing. What is as it should be is asked now and then whether it still is.
 */
export async function deployEnvironments(ctx: Context, signal: AbortSignal): Promise<void> {
  const places = placesOf(ctx);
  if (places.length === 0) return;
  const own: Context = { ...ctx, signal: AbortSignal.any([ctx.signal, signal]) };
  const states = new Map(places.map((place) => [place, stateOf(own, place)]));
  const running = new Set<Promise<void>>();
  while (!own.signal.aborted) {
    const wanted = await loadWanted(ctx, places).catch((error: unknown) => {
      // The store may be back at the next look.
      ctx.log.warn({ error: messageOf(error) }, "what is to be deployed could not be looked at");
      return new Map<Place, string>();
    });
    for (const [place, key] of wanted) {
      const state = states.get(place);
      if (state === undefined || state.busy || running.size >= atOnce) continue;
      if (state.key === key && performance.now() < dueAt(state)) continue;
      if (state.key !== key) state.tries = 0;
      state.busy = true;
      state.told = false;
      const work = deployPlace(own, powersOf(own), place)
        .then(({ kind }) => {
          if (kind === "waits") state.tries += 1;
          else if (kind !== "busy") state.tries = 0;
          state.key = key;
          state.lookedAt = performance.now();
          state.isWell = kind !== "waits" && kind !== "busy";
          state.notBefore = state.lookedAt + pauseAfter(kind, state.tries);
        })
        .catch((error: unknown) => {
          if (!own.signal.aborted) ctx.log.error({ err: error, ...place }, "a place could not be looked at");
          state.isWell = false;
          state.notBefore = performance.now() + longestPauseMs;
        })
        .finally(() => {
          state.busy = false;
          running.delete(work);
        });
      running.add(work);
    }
    await delay(lookMs, undefined, { signal: own.signal }).catch(() => undefined);
  }
  await Promise.all(running);
}

interface PlaceState {
  /** What was to be there at the last look. */
  key: string;
  lookedAt: number;
  notBefore: number;
  tries: number;
  busy: boolean;
  /** Nothing was to be done at the last look. */
  isWell: boolean;
  /** The system told of a change since the last look began. */
  told: boolean;
  readonly follow: FollowedPlace | undefined;
}

function stateOf(ctx: Context, place: Place): PlaceState {
  const tell = (): void => {
    state.told = true;
  };
  const state: PlaceState = {
    key: "",
    lookedAt: 0,
    notBefore: 0,
    tries: 0,
    busy: false,
    isWell: false,
    told: false,
    follow: ctx.targetOf(place.deployment).follow?.(place, tell, ctx.signal),
  };
  return state;
}

function dueAt({ isWell, lookedAt, notBefore, told, follow }: PlaceState): number {
  if (told) return Math.min(notBefore, lookedAt + toldMs);
  return isWell && follow?.isLive() === true ? lookedAt + resyncMs : notBefore;
}

function pauseAfter(kind: PlaceEnd["kind"], tries: number): number {
  // Whoever works there may be gone: its lease ends soon.
  if (kind === "busy") return busyMs;
  return kind === "waits" ? Math.min(longestPauseMs, firstPauseMs * 2 ** (tries - 1)) : observeMs;
}

function placesOf({ config }: Context): Place[] {
  return Object.entries(config.deployments).flatMap(([deployment, { environment }]) =>
    imagesOf(config, deployment).map((image) => ({ deployment, image, environment })),
  );
}

/** What is to be at each place, as a text that changes when it does: then nobody waits for the next look. */
async function loadWanted({ store }: Context, places: readonly Place[]): Promise<Map<Place, string>> {
  const [pointers, open] = await Promise.all([
    store.loadPointers(),
    store.loadDeployments({ states: ["intent", "applied", "failing"], limit: 100_000 }),
  ]);
  const pointerOf = new Map(pointers.map((one) => [`${one.image}:${one.environment}`, one]));
  const openOf = new Map(open.map((one) => [`${one.name} ${one.image}`, one.id]));
  return new Map(
    places.map((place) => {
      const pointer = pointerOf.get(`${place.image}:${place.environment}`);
      const attempt = openOf.get(`${place.deployment} ${place.image}`);
      return [place, `${pointer?.promotion ?? ""} ${pointer?.digest ?? ""} ${attempt ?? ""}`];
    }),
  );
}

function powersOf(ctx: Context): DeployPowers {
  return {
    takeBack: (failed) => takeBack(ctx, failed),
    obey: ({ image, environment, digest, found, deployment, reason }) =>
      obeyPerson(ctx, { image, environment, digest }, found, { who: `somebody, at ${deployment}`, reason }),
  };
}
