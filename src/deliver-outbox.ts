import { labelsOf, type Config, type ReceiverConfig } from "./core/config/index.ts";
import { describeNotice, isUrgent, routeNotice, type Told, type Wishes } from "./core/notice/index.ts";
import { NotifyError, openChannel, type Channel, type Sent } from "./io/notify/index.ts";
import type { Notification } from "./io/store/index.ts";
import { messageOf, type Instant } from "./lib/index.ts";
import type { Context } from "./loop/context.ts";

const failing = "notifications-failing";
/** Attempts before a notification is abandoned: with the pauses below, after more than a day. */
const attemptLimit = 12;
/** Longer than any attempt takes. */
const leaseMs = 150_000;
const routedAtOnce = 100;
/** So few that all of them can time out within half of the lease. */
const singlesAtOnce = 4;
const longestError = 500;
/** When an abandoned row is due again: its error stays to be read. */
const never: Instant = Date.UTC(9999, 0);

/** Everybody who is told, by name: the one webhook of before among them. */
export function receiversOf({ notifications }: Pick<Config, "notifications">): ReadonlyMap<string, ReceiverConfig> {
  const { webhook, receivers } = notifications;
  const all: [string, ReceiverConfig][] = Object.entries(receivers);
  return new Map(webhook === undefined ? all : [["webhook", { webhook, urgentOnly: false, hours: [] }], ...all]);
}

/**
 * Decides who is told of what happened, and tells them, each receiver by itself: what one does not take delays nothing of another's. A receiver that cannot be told at all (its secret is none) is an alarm; one that is down is not: it
 * is asked again, after 10 s, 40 s, 160 s … at most six hours, twelve times in all, and no sooner than it asks for.
 */
export async function deliverOutbox(ctx: Context, random: () => number = Math.random): Promise<void> {
  const receivers = receiversOf(ctx.config);
  if (receivers.size === 0) return;
  const wishes = [...receivers].map(([name, receiver]) => wishesOf(name, receiver));
  const route = (row: Notification) => {
    const image = row.body["image"];
    const labels =
      typeof image === "string" && Object.hasOwn(ctx.config.images, image) ? labelsOf(ctx.config, image) : [];
    return routeNotice(row, wishes, labels, ctx.clock.now());
  };
  while ((await ctx.store.routeNotifications(routedAtOnce, route)) === routedAtOnce) ctx.signal.throwIfAborted();
  await ctx.store.endNotifications([...receivers.keys()]);
  await Promise.all([...receivers].map(([name, receiver]) => deliverTo(ctx, name, receiver, random)));
}

/** Sends one message now, past the outbox: what the receiver said of it. */
export async function tryReceiver(ctx: Context, name: string, receiver: ReceiverConfig): Promise<Sent> {
  try {
    const told: Told = {
      id: `test-${ctx.clock.now()}`,
      event: "test",
      body: { message: "This is a test: nothing happened.", by: name },
      createdAt: ctx.clock.now(),
      repeats: 0,
    };
    return await open(ctx, receiver).send(deliveryOf(ctx, receiver, [told]), ctx.signal);
  } catch (error) {
    if (!(error instanceof NotifyError)) throw error;
    return { kind: "failed", problem: error.message, afterMs: undefined };
  }
}

async function deliverTo(ctx: Context, name: string, receiver: ReceiverConfig, random: () => number): Promise<void> {
  const alarm = { code: failing, subject: name };
  try {
    const channel = open(ctx, receiver);
    for (let goesOn = true; goesOn;) {
      if (ctx.signal.aborted) return;
      const rows = await ctx.store.leaseNotifications(
        name,
        leaseMs,
        isDigest(receiver) ? channel.atOnce : singlesAtOnce,
      );
      const leased = performance.now();
      goesOn = rows.length > 0;
      for (const [first, ...rest] of groupsOf(receiver, rows)) {
        if (first === undefined || performance.now() - leased > leaseMs / 2) continue;
        const sent = await channel.send(deliveryOf(ctx, receiver, [first, ...rest]), ctx.signal);
        if (ctx.signal.aborted) return;
        goesOn &&= sent.kind === "sent";
        for (const row of [first, ...rest])
          await ctx.store.saveDelivery(row.id, outcomeOf(sent, row.attempts, ctx.clock.now(), random()));
      }
    }
    await ctx.store.saveAlarmCleared(alarm);
  } catch (error) {
    if (ctx.signal.aborted) return;
    const hint = "Nobody is told of anything there until it is put right: see `notifications:` of the configuration.";
    await ctx.store.saveAlarm({ ...alarm, severity: "error", message: messageOf(error), hint });
  }
}

const isDigest = (receiver: ReceiverConfig): boolean => "digest" in receiver && receiver.digest !== undefined;

/** A digest is of all that is due and can wait; everything else goes by itself. */
function groupsOf(receiver: ReceiverConfig, rows: readonly Notification[]): readonly (readonly Notification[])[] {
  if (!isDigest(receiver)) return rows.map((row) => [row]);
  return [...rows.filter(isUrgent).map((row) => [row]), rows.filter((row) => !isUrgent(row))];
}

function deliveryOf(ctx: Context, receiver: ReceiverConfig, told: readonly [Told, ...Told[]]) {
  const template = "template" in receiver ? receiver.template : undefined;
  const describe = (one: Told) => describeNotice(one, { link: ctx.config.server.url, template });
  const [first, ...rest] = told;
  return { told, message: { id: first.id, notices: [describe(first), ...rest.map(describe)] as const } };
}

function open(ctx: Context, receiver: ReceiverConfig): Channel {
  const seconds = (): number => Math.floor(ctx.clock.now() / 1000);
  return openChannel(receiver, { fetch, seconds, source: ctx.config.server.url ?? "urn:tidemill" });
}

function wishesOf(name: string, receiver: ReceiverConfig): Wishes {
  const { events, labels, environments, urgentOnly, hours } = receiver;
  const digestMs = "digest" in receiver ? receiver.digest : undefined;
  return { name, events, labels, environments, urgentOnly, hours, digestMs };
}

function outcomeOf(
  sent: Sent,
  attempts: number,
  now: Instant,
  jitter: number,
): Parameters<Context["store"]["saveDelivery"]>[1] {
  if (sent.kind === "sent") return { kind: "delivered" };
  const error = sent.problem.slice(0, longestError);
  if (sent.kind === "gone" || attempts >= attemptLimit) return { kind: "failed", error, nextAttempt: never };
  // Each up to half as long again.
  const pause = Math.min(10_000 * 4 ** (attempts - 1), 6 * 3_600_000) * (1 + jitter / 2);
  return { kind: "failed", error, nextAttempt: now + Math.round(Math.max(pause, sent.afterMs ?? 0)) };
}
