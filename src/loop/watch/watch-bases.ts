import {
  decideBase,
  endOfLife,
  runtimeEndOfLife,
  type BaseDecision,
  type BaseSight,
  type BaseState,
  type Support,
} from "../../core/base/index.ts";
import { RegistryError } from "../../io/registry/index.ts";
import type { Upstream } from "../../io/store/index.ts";
import { AppError, canonicalJson, messageOf, printable, type Digest, type Instant } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { askBaseVex } from "./ask-base-vex.ts";
import { alarmOf, baseAlarmCodes, describeDecision, endOfLifeAlarm, type BaseAlarm } from "./base-alarms.ts";
import { detailOf, loadBaseMemory, rememberedState, type BaseMemory } from "./base-memory.ts";
import { followKey, type BaseView, type FollowedBase } from "../followed-base.ts";
import { lookAtBase, type BaseSources } from "./look-at-base.ts";
import type { Watched } from "./watch-suites.ts";

/** What watching bases came to. */
export interface WatchedBases extends Watched {
  /** Every base that was looked at, by name. */
  readonly bases: ReadonlyMap<string, BaseView>;
}

export type WatchBasesContext = Pick<Context, "store" | "clock" | "log" | "emit" | "signal">;

/** Looks at a time at one registry; registries do not wait for one another. */
const atOnce = 4;
/** Looks in a row that a registry may refuse for want of budget, before it is an alarm. */
const patience = 3;

/**
 * Looks at every base once and writes down what was seen and when, what is believed of it from now on, and what a person should know. One that fails raises an alarm and
 * stops no other. Alarms of bases that are not given any more are cleared. `isWanted`: only these are looked at.
 */
export async function watchBases(
  ctx: WatchBasesContext,
  bases: readonly FollowedBase[],
  sources: BaseSources,
  isWanted: (base: FollowedBase) => boolean = () => true,
): Promise<WatchedBases> {
  const rows = new Map((await ctx.store.loadUpstreams()).map((row) => [row.name, row]));
  await saveNewBases(ctx, bases, rows);
  const standing = await loadStanding(ctx, bases);
  const views = new Map<string, BaseView>();
  const updated: string[] = [];
  const failed: { upstream: string; message: string }[] = [];
  await eachRegistry(bases.filter(isWanted), async (base) => {
    const view = await watchBase(ctx, base, rows.get(base.name), sources, standing);
    views.set(base.name, view);
    if (view.state === "failing") failed.push({ upstream: base.name, message: view.message });
    if (view.state === "new") updated.push(base.name);
  });
  return { updated, failed, bases: views };
}

/** Makes bases known that were not, or that follow something else now. */
async function saveNewBases(
  ctx: WatchBasesContext,
  bases: readonly FollowedBase[],
  rows: ReadonlyMap<string, Upstream>,
): Promise<void> {
  const described = bases.map((base) => {
    const { state, lastState } = rememberedState(base, rows.get(base.name));
    return { name: base.name, kind: "base", detail: detailOf(base, state, lastState) };
  });
  await ctx.store.saveUpstreams(
    described.filter(({ name, detail }) => canonicalJson(detail) !== canonicalJson(rows.get(name)?.detail)),
  );
}

async function eachRegistry(
  bases: readonly FollowedBase[],
  look: (base: FollowedBase) => Promise<void>,
): Promise<void> {
  const queues = Map.groupBy(bases, ({ registry }) => registry);
  const workers = [...queues.values()].flatMap((queue) => {
    const waiting = [...queue];
    return Array.from({ length: Math.min(atOnce, queue.length) }, async () => {
      for (let base = waiting.shift(); base !== undefined; base = waiting.shift()) await look(base);
    });
  });
  await Promise.all(workers);
}

async function watchBase(
  ctx: WatchBasesContext,
  base: FollowedBase,
  row: Upstream | undefined,
  sources: BaseSources,
  standing: Set<string>,
): Promise<BaseView> {
  const { store, signal } = ctx;
  let memory: BaseMemory = { ...rememberedState(base, row), sights: new Map() };
  // Most looks find what is believed: then what was seen before is of no matter.
  const loadSights = async () => (memory = await loadBaseMemory(store, base, row)).sights;
  const support = supportOf(ctx, base);
  await setAlarm(ctx, base, standing, ["base-end-of-life"], endOfLifeAlarm(base, support));
  try {
    const { sight, reason } = await lookAtBase(base, believedOf(base, memory), loadSights, sources, signal);
    const now = ctx.clock.now();
    const decision = await decide(base, memory.state, sight, now, sources, signal);
    if (decision.kind !== "gone" && sight.kind === "found" && sight.platforms !== undefined)
      await saveSight(ctx, base, memory, decision, sight.platforms);
    const message = printable(describeDecision(base, decision, reason));
    await saveDecision(ctx, base, row, memory, decision, message);
    const lasting = ["base-failing", "base-moved-back", "base-gone", "base-unsigned"] as const;
    await setAlarm(ctx, base, standing, lasting, alarmOf(decision, message, now));
    await askBaseVex(ctx, base, decision.next.believed?.digest, sources);
    return viewOf(base, decision, message, support);
  } catch (error) {
    signal.throwIfAborted();
    return saveFailure(ctx, base, row, memory, error, support, standing);
  }
}

/** decideBase, but for what cooled down and is no longer there to be built on. */
async function decide(
  base: FollowedBase,
  state: BaseState,
  sight: BaseSight,
  now: Instant,
  { registries, asker }: BaseSources,
  signal: AbortSignal,
): Promise<BaseDecision> {
  const { registry, repository, rule, platforms, settleMs, coolDownMs, accepted = [] } = base;
  const pinned = rule.kind === "digest" ? rule.digest : undefined;
  for (let held = state; ;) {
    const decision = decideBase(held, sight, now, { platforms, settleMs, coolDownMs, pinned, accepted });
    if (decision.kind !== "new" || (sight.kind === "found" && sight.digest === decision.digest)) return decision;
    asker.spend(registry);
    if ((await registries.repository({ registry, repository }).resolve(decision.digest, signal)) !== undefined)
      return decision;
    held = { ...held, waiting: held.waiting.filter(({ digest }) => digest !== decision.digest) };
  }
}

/** What need not be looked into: a digest that a person has just taken was perhaps never seen. */
function believedOf({ rule }: FollowedBase, { state: { believed } }: BaseMemory): Digest | undefined {
  return rule.kind === "digest" && rule.digest !== believed?.digest ? undefined : believed?.digest;
}

/** The first sight of a digest, written down once. */
async function saveSight(
  ctx: WatchBasesContext,
  base: FollowedBase,
  { sights }: BaseMemory,
  { next, ...decision }: Exclude<BaseDecision, { kind: "gone" }>,
  platforms: readonly object[],
): Promise<void> {
  const { digest, tag } = decision;
  if (sights.has(digest)) return;
  const seenAt = next.history.find((one) => one.digest === digest)?.firstSeen ?? ctx.clock.now();
  const detail = { follows: followKey(base), tag, seenAt, platforms };
  const { isNew } = await ctx.store.saveObservation({ upstream: base.name, contentKey: digest, detail });
  const shown = `${base.name}: ${tag} names ${digest}, which was not seen before`;
  if (isNew) ctx.emit({ kind: "observed", digest, message: printable(shown) });
}

async function saveDecision(
  ctx: WatchBasesContext,
  base: FollowedBase,
  row: Upstream | undefined,
  { lastState }: BaseMemory,
  decision: BaseDecision,
  message: string,
): Promise<void> {
  const { kind, next } = decision;
  const detail = detailOf(base, next, kind);
  if (canonicalJson(detail) !== canonicalJson(row?.detail))
    await ctx.store.saveUpstreams([{ name: base.name, kind: "base", detail }]);
  await ctx.store.saveUpstreamAttempt(base.name);
  if (kind !== lastState && kind !== "same") ctx.emit({ kind: "note", message });
}

async function saveFailure(
  ctx: WatchBasesContext,
  base: FollowedBase,
  row: Upstream | undefined,
  { state }: BaseMemory,
  error: unknown,
  support: readonly Support[],
  standing: Set<string>,
): Promise<BaseView> {
  const said = messageOf(error);
  const message = printable(said.startsWith(`${base.name}: `) ? said : `${base.name}: ${said}`);
  const code = error instanceof AppError ? error.code : "INTERNAL";
  const hint = (error instanceof AppError ? error.hint : undefined) ?? "What was believed before stays in use.";
  if (!(error instanceof AppError)) ctx.log.error({ err: error, base: base.name }, "a base could not be watched");
  await ctx.store.saveUpstreamAttempt(base.name, { code, message, hint });
  const isBudget = error instanceof RegistryError && (error.code === "THROTTLED" || error.code === "BUDGET_SPENT");
  if (!isBudget || (row?.failures ?? 0) + 1 >= patience) {
    const alarm: BaseAlarm = { code: "base-failing", severity: "error", message, hint };
    await setAlarm(ctx, base, standing, ["base-failing"], alarm);
  }
  const believed = describeBelieved(state.believed);
  return { name: base.name, believed, shown: undefined, state: "failing", until: undefined, message, support };
}

function viewOf(base: FollowedBase, decision: BaseDecision, message: string, support: readonly Support[]): BaseView {
  const { next, kind } = decision;
  const believed = describeBelieved(next.believed);
  const digest: Digest | undefined = kind === "gone" ? undefined : decision.digest;
  const firstSeen = next.history.find((one) => one.digest === digest)?.firstSeen;
  const isOther = kind !== "gone" && digest !== believed?.digest && firstSeen !== undefined;
  return {
    name: base.name,
    believed,
    shown: isOther ? { digest: decision.digest, tag: decision.tag, firstSeen } : undefined,
    state: kind,
    until: kind === "settling" || kind === "cool-down" ? decision.until : undefined,
    message,
    support,
  };
}

function describeBelieved(believed: BaseMemory["state"]["believed"]): BaseView["believed"] {
  return believed === undefined ? undefined : { ...believed, tag: believed.tag, previous: believed.previous };
}

function supportOf({ clock }: WatchBasesContext, { system }: FollowedBase): readonly Support[] {
  if (system === undefined) return [];
  return [endOfLife(system.os, clock.now()), ...runtimeEndOfLife(system.env, clock.now())];
}

/** The alarms of bases that stand, as `code subject`; those of bases that are not followed any more are cleared. */
async function loadStanding(ctx: WatchBasesContext, bases: readonly FollowedBase[]): Promise<Set<string>> {
  const names = new Set(bases.map(({ name }) => name));
  const codes: ReadonlySet<string> = new Set(baseAlarmCodes);
  const standing = new Set<string>();
  for (const { code, subject } of await ctx.store.loadAlarms()) {
    if (!codes.has(code)) continue;
    if (names.has(subject)) standing.add(`${code} ${subject}`);
    else await ctx.store.saveAlarmCleared({ code, subject });
  }
  return standing;
}

/** Of `codes`, the alarm's stands from now on, and the others do not. */
async function setAlarm(
  ctx: WatchBasesContext,
  { name }: FollowedBase,
  standing: Set<string>,
  codes: readonly BaseAlarm["code"][],
  alarm: BaseAlarm | undefined,
): Promise<void> {
  for (const code of codes) {
    const key = `${code} ${name}`;
    if (code === alarm?.code || !standing.delete(key)) continue;
    await ctx.store.saveAlarmCleared({ code, subject: name });
  }
  if (alarm === undefined) return;
  standing.add(`${alarm.code} ${name}`);
  const raised = await ctx.store.saveAlarm({ ...alarm, subject: name });
  if (raised.isNew) ctx.emit({ kind: "alarm", message: alarm.message });
}
