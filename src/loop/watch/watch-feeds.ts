import type { Feed, FeedStatus } from "../../io/feeds/index.ts";
import { messageOf } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import type { Watched } from "./watch-suites.ts";

const codes = { failing: "feed-failing", stale: "feed-stale" } as const;
const hints = {
  failing: "Look at its address in the configuration, and the network. What was read before stays in use.",
  stale: "Nothing new comes from it any more: is it still kept, and is its mirror?",
} as const;

/** Reads every advisory feed that changed, and writes down what was seen and when. One that fails, or is old, raises an alarm and stops nothing. */
export async function watchFeeds(ctx: Context): Promise<Watched> {
  await ctx.store.saveUpstreams(ctx.feeds.map(({ name, kind }) => ({ name, kind: "feed", detail: { kind } })));
  const updated: string[] = [];
  const failed: { upstream: string; message: string }[] = [];
  for (const feed of ctx.feeds) {
    const status = await refresh(ctx, feed);
    const isNew = await saveSight(ctx, status);
    if (isNew) updated.push(feed.name);
    if (status.fault === "failing") failed.push({ upstream: feed.name, message: status.alarm ?? "" });
  }
  return { updated, failed };
}

async function refresh(ctx: Context, feed: Feed): Promise<FeedStatus> {
  try {
    return await feed.refresh(ctx.signal);
  } catch (error) {
    ctx.signal.throwIfAborted();
    const { status } = await feed.load();
    return { ...status, fault: "failing", alarm: `${feed.name}: ${messageOf(error)}` };
  }
}

/** Whether what it shows had not been seen before. */
async function saveSight(ctx: Context, status: FeedStatus): Promise<boolean> {
  const { name, alarm, fault, generation, newest, advisories, bad } = status;
  for (const other of ["failing", "stale"] as const)
    if (other !== fault) await ctx.store.saveAlarmCleared({ code: codes[other], subject: name });
  if (fault !== undefined) {
    const message = alarm ?? `${name}: ${fault}`;
    const raised = await ctx.store.saveAlarm({
      code: codes[fault],
      subject: name,
      severity: "error",
      message,
      hint: hints[fault],
    });
    if (raised.isNew) ctx.emit({ kind: "alarm", message });
  }
  if (fault === "failing") {
    const error = { code: "FEED_FAILING", message: alarm ?? "", hint: hints.failing };
    await ctx.store.saveUpstreamAttempt(name, error);
    return false;
  }
  await ctx.store.saveUpstreamAttempt(name);
  if (generation === undefined) return false;
  const detail = { date: newest ?? null, advisories, bad };
  const { isNew } = await ctx.store.saveObservation({ upstream: name, contentKey: generation, detail });
  const aside = bad === 0 ? "" : `, ${bad} records set aside`;
  if (isNew) ctx.emit({ kind: "observed", message: `${name}: ${advisories} advisories${aside}` });
  return isNew;
}
