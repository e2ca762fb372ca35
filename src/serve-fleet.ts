import { randomBytes } from "node:crypto";
import { labelsOf } from "./core/config/index.ts";
import { saveSnapshot } from "./io/store/index.ts";
import { messageOf, systemClock } from "./lib/index.ts";
import { deployEnvironments } from "./loop/deploy-environments.ts";
import { followBumps } from "./loop/follow-bumps.ts";
import { probeEnvironments, retainDigests } from "./loop/promote/index.ts";
import type { RunningApp } from "./operation/index.ts";
import { createCallbacks, createEventBus, createHandler, createMetrics } from "./serve/index.ts";
import { deliverOutbox } from "./deliver-outbox.ts";
import { tellForgesOf } from "./tell-forges.ts";
import { createFleetOperations, loopTopic } from "./fleet-operations.ts";
import type { Fleet } from "./fleet.ts";
import { createLookingForOthers } from "./looking-operations.ts";
import { openListeners, type Listeners } from "./open-listeners.ts";
import { servedRegistry } from "./served-registry.ts";
import { takeEvents, type EventIntake } from "./take-events.ts";
import { readVersion } from "./version.ts";

export interface ServeOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly configPath: string;
  /** `127.0.0.1:7077`; port 0 takes a free one. */
  readonly listen: string;
  /** Without it the server answers, and the loop rests until `watch` is called; then it has just watched. */
  readonly watch: boolean;
}

/** A fleet that is served: the local API, the status page and the registry on one port. */
export interface ServedFleet extends RunningApp {
  /** Lets the loop begin. */
  watch(): void;
}

const pollMs = 5_000;
const deliverMs = 5_000;
const tellMs = 10_000;
const upkeepMs = 3_600_000;
const certificateMs = 60_000;
const passAlarm = { code: "pass-failed", subject: "loop" } as const;

/** Serves an open fleet, and works at it for as long as it is served. Closing it closes the fleet. */
export async function serveFleet(fleet: Fleet, options: ServeOptions): Promise<ServedFleet> {
  const { ctx } = fleet;
  const token = randomBytes(32).toString("base64url");
  const stopping = new AbortController();
  const events = createEventBus();
  fleet.listeners.add(events.publish);
  const since = ctx.clock.now();
  const serving = { address: "", since };
  const operations = createFleetOperations(fleet, { ...options, serving });
  const metrics = createMetrics(ctx, { version: readVersion(), since });
  const intake = takeEvents(fleet, metrics);
  const { server: access } = ctx.config;
  const own = new WeakSet<object>();
  /** Where the embedded registry is. */
  const ownAddresses: string[] = [];
  const handler = createHandler({
    isLocalListener: (socket) => own.has(socket),
    operations,
    forOthers: createLookingForOthers(fleet, { env: options.env, own: () => ownAddresses }),
    version: readVersion(),
    events,
    metrics: () => metrics.scrape(),
    notReady: () => whyNotReady(fleet),
    token,
    store: ctx.store,
    clock: ctx.clock,
    labelsOf: (image) => labelsOf(ctx.config, image),
    logger: ctx.log,
    hosts: access.hosts,
    trustedProxies: access.trustedProxies,
    rateLimit: access.rateLimit,
    workloads: access.workloads,
    ...(access.login === undefined ? {} : { login: access.login }),
    ...(fleet.registry === undefined ? {} : { registry: servedRegistry(ctx.config, fleet.registry) }),
    ...(intake === undefined ? {} : { hooks: intake.hooks }),
    callbacks: createCallbacks({
      store: ctx.store,
      clock: ctx.clock,
      logger: ctx.log,
      onAnswer: () => void fleet.queue.wake(loopTopic),
      refusals: { count: access.rateLimit.refusals, perMs: access.rateLimit.per },
    }),
  });
  const listeners = await openListeners(handler, {
    ...access,
    listen: options.listen,
    home: ctx.home,
    onLocal: (socket) => own.add(socket),
  });
  if (fleet.registry !== undefined) ownAddresses.push(listeners.local, new URL(listeners.url).host);
  serving.address = listeners.url;
  fleet.publish(listeners.local);
  await ctx.store.announce(listeners.local, token);

  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  if (options.watch) begin();
  const telling = { ...ctx, signal: AbortSignal.any([ctx.signal, stopping.signal]) };
  const jobs = [
    repeat(stopping.signal, deliverMs, () => deliverOutbox(ctx)),
    repeat(stopping.signal, tellMs, () => tellForgesOf(telling, options.env)),
    repeat(stopping.signal, certificateMs, () => renewCertificate(fleet, listeners)),
    begun.then(() => repeat(stopping.signal, upkeepMs, () => keepUp(fleet, intake))),
    begun.then(() => intake?.begin()),
    begun.then(() => probeEnvironments(ctx, stopping.signal)),
    begun.then(() => deployEnvironments(ctx, stopping.signal)),
    begun.then(() => followBumps(ctx, stopping.signal)),
    begun.then(() => watchLoop(fleet, !options.watch, stopping.signal)),
  ];
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closed ??= (async () => {
      stopping.abort();
      begin();
      listeners.close();
      await Promise.allSettled(jobs);
      await fleet.close();
    })());
  const stopped = Promise.all(jobs).then(() => undefined);
  stopped.catch(() => undefined);
  return { statusPage: `${listeners.url}/`, registry: listeners.local, stopped, close, watch: () => begin() };
}

/** Passes at the configured interval, or sooner when someone asks; between them whatever is due is worked at. */
async function watchLoop(fleet: Fleet, hasJustWatched: boolean, signal: AbortSignal): Promise<void> {
  const { ctx } = fleet;
  let rouse: () => void = () => undefined;
  fleet.queue.onWake(loopTopic, () => Promise.resolve(rouse()));
  let nextWatch = hasJustWatched ? ctx.clock.now() + ctx.config.watch.interval : 0;
  let asked = false;
  while (!signal.aborted) {
    const roused = new Promise<"asked">((resolve) => (rouse = () => resolve("asked")));
    try {
      const isDue = ctx.clock.now() >= nextWatch;
      if (isDue) nextWatch = ctx.clock.now() + ctx.config.watch.interval;
      if (isDue || asked) await fleet.pass({ offline: !isDue });
      else await fleet.work();
      if (isDue) await ctx.store.saveAlarmCleared(passAlarm);
    } catch (error) {
      if (signal.aborted || ctx.signal.aborted) return;
      // The next pass starts from the stored facts: nothing is lost but time.
      ctx.log.error({ err: error }, "a pass of the loop failed");
      await ctx.store.saveAlarm({ ...passAlarm, severity: "error", message: messageOf(error) }).catch(() => undefined);
    }
    const pause = ctx.clock.sleep(pollMs, signal).catch(() => undefined);
    asked = (await Promise.race([roused, pause])) === "asked";
  }
}

/** Takes a renewed certificate up; one that cannot be used is an alarm, and the old one stays in use. */
async function renewCertificate({ ctx }: Fleet, listeners: Listeners): Promise<void> {
  const alarm = { code: "certificate", subject: "server.tls" } as const;
  try {
    if (await listeners.renew()) await ctx.store.saveAlarmCleared(alarm);
  } catch (error) {
    await ctx.store.saveAlarm({ ...alarm, severity: "error", message: messageOf(error) });
  }
}

/** It serves and works only while the database answers: its tables are up to date since it was opened, and its lock is held until it is closed. */
async function whyNotReady({ ctx }: Fleet): Promise<string | undefined> {
  if (ctx.signal.aborted) return "it is being stopped";
  return ctx.store.countWaitingEvents().then(
    () => undefined,
    () => "the database does not answer",
  );
}

/** What need not be done at every pass: old digests go, a snapshot is taken. */
async function keepUp({ ctx, registry }: Fleet, intake: EventIntake | undefined): Promise<void> {
  await retainDigests(ctx, registry);
  await intake?.keepUp();
  await saveSnapshot(ctx.store, ctx.clock.now());
}

async function repeat(signal: AbortSignal, everyMs: number, work: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await work().catch(() => undefined);
    await systemClock.sleep(everyMs, signal).catch(() => undefined);
  }
}
