import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import type { ProbeConfig } from "../../core/config/index.ts";
import { decideHealth, judgeAnswers, type FailurePolicy } from "../../core/policy/index.ts";
import type { Deployed, Pointer, Soak } from "../../io/store/index.ts";
import { messageOf } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { askProbe } from "./ask-probe.ts";
import { countAnswer, isClaimed } from "./count-answer.ts";
import {
  describeDeployed,
  describeStanding,
  isSoaking,
  lookNow,
  probesOf,
  readSoakDetail,
  type ProbeAnswers,
} from "./soak.ts";
import { takeBack } from "./take-back.ts";

/** How soon it is tried again to take back what could not be. */
const tryAgainMs = 60_000;
/** How often it is asked what the environments name; probes have their own times. */
const lookMs = 1000;
const tickMs = 50;
const alarmCode = "probe-failing";
const atOnce = 64;

interface Watched {
  readonly pointer: Pointer;
  readonly soak: Soak | undefined;
  readonly places: readonly Deployed[];
  readonly kind: "forward" | "rollback";
  /** Those that ask after it now: all in its soak, later those that are for that. */
  readonly probes: readonly ProbeConfig[];
  /** An alarm of a probe stands there. */
  readonly isAlarmed: boolean;
}

/**
 * Asks after what runs, until `signal`: all through the soak of what was promoted, and after it where a probe is for that. On the machine's timers, apart from the watch. What is unhealthy is
 * taken back at once. Every answer is kept before it counts, so that a process that follows goes on where this one was.
 */
export async function probeEnvironments(ctx: Context, signal: AbortSignal): Promise<void> {
  if (ctx.config.environments.every(({ probes }) => probes.length === 0)) return;
  const due = new Map<string, number>();
  const asking = new Set<string>();
  const running = new Set<Promise<void>>();
  const acting = createActing();
  let watched: readonly Watched[] = [];
  let nextLook = 0;
  while (!signal.aborted) {
    try {
      if (performance.now() >= nextLook) {
        nextLook = performance.now() + lookMs;
        watched = await loadWatched(ctx);
        forgetOthers(due, watched);
        for (const one of watched) await tend(ctx, acting, one);
      }
    } catch (error) {
      if (signal.aborted) break;
      // The store or the registry may be back at the next look.
      ctx.log.warn({ error: messageOf(error) }, "what runs could not be looked at");
    }
    for (const one of watched)
      for (const probe of one.probes) {
        const key = keyOf(one, probe);
        if (asking.has(key) || asking.size >= atOnce || performance.now() < (due.get(key) ?? 0)) continue;
        asking.add(key);
        due.set(key, performance.now() + probe.every);
        const work = ask(ctx, acting, one, probe, signal)
          .catch((error: unknown) => {
            if (!signal.aborted) ctx.log.warn({ error: messageOf(error) }, "an answer of a probe could not be kept");
          })
          .finally(() => {
            asking.delete(key);
            running.delete(work);
          });
        running.add(work);
      }
    await delay(tickMs, undefined, { signal }).catch(() => undefined);
  }
  await Promise.all(running);
}

async function loadWatched(ctx: Context): Promise<Watched[]> {
  const [pointers, soaks, alarms, places] = await Promise.all([
    ctx.store.loadPointers(),
    ctx.store.loadSoaks(),
    ctx.store.loadAlarms(),
    ctx.store.loadDeployed(),
  ]);
  const soakOf = new Map(soaks.map((one) => [`${one.image}:${one.environment}`, one]));
  const alarmed = new Set(alarms.filter(({ code }) => code === alarmCode).map(({ subject }) => subject));
  const probed = pointers.filter(
    (one) =>
      one.promotion !== null &&
      ctx.config.images[one.image] !== undefined &&
      probesOf(ctx.config, one.image, one.environment).length > 0 &&
      // Until what it names runs, what answers is what ran before.
      describeDeployed(ctx.config, one, places).undeployed === undefined,
  );
  const moves = await ctx.store.loadPromotionsById(probed.flatMap(({ promotion }) => promotion ?? []));
  return probed.map((pointer) => {
    const place = `${pointer.image}:${pointer.environment}`;
    const known = soakOf.get(place);
    const soak = known?.promotion === pointer.promotion ? known : undefined;
    return {
      pointer,
      soak,
      places,
      kind: moves.get(pointer.promotion ?? "")?.kind ?? "forward",
      probes: dueProbes(ctx, pointer, soak, places),
      isAlarmed: alarmed.has(place),
    };
  });
}

function dueProbes(
  ctx: Context,
  pointer: Pointer,
  soak: Soak | undefined,
  places: readonly Deployed[],
): readonly ProbeConfig[] {
  const { image, environment } = pointer;
  const known = readSoakDetail(soak);
  if (known !== undefined && ctx.store.kind !== "pglite" && isClaimed(known, ctx.owner, ctx.clock.now())) return [];
  const probes = probesOf(ctx.config, image, environment);
  if (isSoaking(ctx.config, describeStanding(ctx, pointer, soak, places), ctx.clock.now())) return probes;
  return probes.filter(({ after }) => after !== "none");
}

async function ask(ctx: Context, acting: Acting, one: Watched, probe: ProbeConfig, signal: AbortSignal): Promise<void> {
  const { pointer } = one;
  const { image, environment, promotion } = pointer;
  if (promotion === null) return;
  const result = await askProbe(probe, pointer, signal);
  const answer = {
    probe,
    passed: result.kind === "passed",
    reason: result.kind === "passed" ? "" : result.reason,
    ms: result.ms,
    look: lookNow(ctx.clock),
  };
  const prober = { owner: ctx.owner, isAlone: ctx.store.kind === "pglite" };
  const probes = probesOf(ctx.config, image, environment);
  const soak = await ctx.store.saveSoak({ image, environment, promotion }, (before) =>
    countAnswer(before, answer, probes, prober),
  );
  if (soak !== undefined) await tend(ctx, acting, { ...one, soak });
}

/** Does what follows from the answers so far; the same again where it is done already. */
async function tend(ctx: Context, acting: Acting, { pointer, soak, places, kind, isAlarmed }: Watched): Promise<void> {
  const { image, environment, digest } = pointer;
  const known = readSoakDetail(soak);
  if (known === undefined || digest === null) return;
  const soaks = isSoaking(ctx.config, describeStanding(ctx, pointer, soak, places), ctx.clock.now());
  const alarm = { code: alarmCode, subject: `${image}:${environment}` };
  let isWell = true;
  for (const { name, failures, after } of probesOf(ctx.config, image, environment)) {
    const answers = known.probes[name];
    if (answers === undefined) continue;
    const health = judgeAnswers(failures, answers.passed);
    if (health !== "healthy") isWell = false;
    const decision = decideHealth({ health, soaks, kind, after });
    if (decision === "nothing") continue;
    const found = describeFailure(failures, answers);
    const message = `${image}@${digest} is unhealthy in ${environment}: the probe ${name} failed ${found}`;
    if (decision === "alarm") {
      const hint = "It was not taken back: look at the service and at what it stands on.";
      const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message, hint });
      if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
      continue;
    }
    const reason = `unhealthy: the probe ${name} failed ${found}`;
    const evidence = { probe: name, failures, ...answers };
    await acting(pointer.promotion ?? "", () =>
      takeBack(ctx, { image, environment, digest, message, reason, alarm, evidence }),
    );
    return;
  }
  // The alarm of a digest that was taken back stands until another one has proven itself.
  if (isAlarmed && isWell && !soaks) await ctx.store.saveAlarmCleared(alarm);
}

function describeFailure({ count, of }: FailurePolicy, { passed, at, failing }: ProbeAnswers): string {
  const failed = passed.filter((one) => !one).length;
  const how = count === of ? `${failed} times in a row` : `${failed} of ${passed.length} times`;
  const since = failing === null ? "" : ` since ${new Date(failing.since).toISOString()}`;
  return `${how}${since}, at last at ${new Date(at).toISOString()}: ${failing?.reason ?? "it comes and goes"}`;
}

/** Takes one promotion back at a time, and not again at once where there was nothing to go back to. */
type Acting = (promotion: string, takeBack: () => Promise<boolean>) => Promise<void>;

function createActing(): Acting {
  const notBefore = new Map<string, number>();
  return async (promotion, work) => {
    if (performance.now() < (notBefore.get(promotion) ?? 0)) return;
    notBefore.set(promotion, Infinity);
    try {
      const isDone = await work();
      notBefore.set(promotion, performance.now() + (isDone ? 0 : tryAgainMs));
    } catch (error) {
      notBefore.delete(promotion);
      throw error;
    }
  };
}

function forgetOthers(due: Map<string, number>, watched: readonly Watched[]): void {
  const promotions = new Set(watched.map(({ pointer }) => pointer.promotion ?? ""));
  for (const key of due.keys()) if (!promotions.has(key.split(" ")[0] ?? "")) due.delete(key);
}

function keyOf({ pointer }: Watched, probe: ProbeConfig): string {
  return `${pointer.promotion ?? ""} ${probe.name}`;
}
