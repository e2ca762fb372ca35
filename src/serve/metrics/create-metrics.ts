import type { BudgetLeft } from "../../io/registry/index.ts";
import { durationBounds, type RebuildCounts } from "../../io/store/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import type { HookOutcome } from "../hooks/create-hooks.ts";
import { loadFleetState, type FleetState } from "../operations/fleet-state.ts";
import { formatMetrics, type Metric, type Sample } from "./format-metrics.ts";

export interface MetricsOptions {
  readonly version: string;
  /** When this process began to serve. */
  readonly since: Instant;
}

/** What Prometheus scrapes: figures of the fleet from the store, the same for every process on it, and a few of this process. */
export interface Metrics {
  /** The text of a scrape. */
  scrape(): Promise<string>;
  /** Counts a delivery to a webhook. */
  countDelivery(endpoint: string, outcome: HookOutcome): void;
}

/** Milliseconds for which a scrape is good for the next: two scrapers and a curious person cost one. */
const freshMs = 2_000;

export function createMetrics(ctx: Context, options: MetricsOptions): Metrics {
  const deliveries = new Map<string, { endpoint: string; outcome: HookOutcome; count: number }>();
  let last: { readonly at: number; readonly text: Promise<string> } | undefined;
  const scrape = async (): Promise<string> => {
    const environments = ctx.config.environments.map(({ name }) => name);
    const [fleet, alarms, promotions, rebuilds, notifications, events] = await Promise.all([
      loadFleetState(ctx),
      ctx.store.loadAlarms(),
      ctx.store.loadPromotionCounts(environments.at(-1) ?? ""),
      ctx.store.loadRebuildCounts(),
      ctx.store.countNotifications(),
      ctx.store.countWaitingEvents(),
    ]);
    const now = ctx.clock.now();
    return formatMetrics([
      gauge("tidemill_build_info", "Always 1; its label is the version.", [one({ version: options.version }, 1)]),
      ...fleetMetrics(fleet, environments, now),
      ...rebuildMetrics(rebuilds, now),
      {
        kind: "counter",
        name: "tidemill_promotions_total",
        help: "Times that an environment came to name another digest, forward and back.",
        samples: [
          one({ direction: "forward" }, promotions.promotions),
          one({ direction: "back" }, promotions.rollbacks),
        ],
      },
      gauge(
        "tidemill_fix_to_production_seconds",
        "Median time from the first sight of a newer package to the last environment, of the newest thousand promotions.",
        promotions.secondsFixToPromotion === null ? [] : [one({}, promotions.secondsFixToPromotion)],
      ),
      gauge(
        "tidemill_alarms",
        "Alarms that stand.",
        countBy(alarms, ["warning", "error"], ({ severity }) => severity, "severity"),
      ),
      gauge("tidemill_notifications", "Notifications that are not delivered.", [
        one({ state: "waiting" }, notifications.waiting),
        one({ state: "abandoned" }, notifications.abandoned),
      ]),
      gauge("tidemill_webhook_events_waiting", "Deliveries that were accepted and not looked into yet.", [
        one({}, events.count),
      ]),
      {
        kind: "counter",
        name: "tidemill_webhook_deliveries_total",
        help: "Deliveries to webhooks since this process began, by what became of them.",
        samples: [...deliveries.values()].map(({ endpoint, outcome, count }) => one({ endpoint, outcome }, count)),
      },
      ...registryMetrics(ctx.bases.asker),
      ...processMetrics(options.since),
    ]);
  };
  return {
    scrape: () => {
      const at = performance.now();
      if (last === undefined || at - last.at > freshMs) {
        const text = scrape();
        last = { at, text };
        text.catch(() => (last = undefined));
      }
      return last.text;
    },
    countDelivery: (endpoint, outcome) => {
      const key = `${endpoint} ${outcome}`;
      const known = deliveries.get(key) ?? { endpoint, outcome, count: 0 };
      deliveries.set(key, { ...known, count: known.count + 1 });
    },
  };
}

const imageStates = ["current", "waiting", "rebuilding", "held", "failing", "unbuilt", "unknown"] as const;
const exposures = ["none", "open", "unknown"] as const;

function fleetMetrics(
  { images, upstreams, holds }: FleetState,
  environments: readonly string[],
  now: Instant,
): Metric[] {
  const at = (name: string) =>
    images.flatMap((image) => image.environments.find((one) => one.name === name && one.digest !== null) ?? []);
  const oldest = environments.flatMap((environment) => {
    const since = at(environment).flatMap(({ exposure }) =>
      exposure.since === null ? [] : Date.parse(exposure.since),
    );
    return since.length === 0 ? [] : [one({ environment }, Math.max(0, now - Math.min(...since)) / 1000)];
  });
  const views = [...upstreams.values()].map(({ view }) => view);
  return [
    gauge(
      "tidemill_images",
      "Images of the configuration, by their state.",
      countBy(images, imageStates, ({ state }) => state, "state"),
    ),
    gauge(
      "tidemill_environment_images",
      "Images that an environment names, by whether something that the feeds know is open against them.",
      environments.flatMap((environment) =>
        countBy(at(environment), exposures, ({ exposure }) => exposure.state, "exposure", { environment }),
      ),
    ),
    gauge(
      "tidemill_open_advisories",
      "Advisories that are open against what an environment names, each once for each image.",
      environments.map((environment) =>
        one(
          { environment },
          at(environment).reduce((sum, { exposure }) => sum + exposure.advisories.length, 0),
        ),
      ),
    ),
    gauge("tidemill_exposure_oldest_seconds", "Age of the oldest exposure that is open in an environment.", oldest),
    gauge("tidemill_holds", "Holds that stand.", [one({}, holds.length)]),
    gauge(
      "tidemill_upstream_last_success_timestamp_seconds",
      "When an upstream last answered what could be believed.",
      views.flatMap(({ name, kind, lastSuccess }) =>
        lastSuccess === null ? [] : [one({ upstream: name, kind }, Date.parse(lastSuccess) / 1000)],
      ),
    ),
    gauge(
      "tidemill_upstream_up",
      "Whether the last look at an upstream was good: 0 while it fails or is stale.",
      views.map(({ name, kind, state }) => one({ upstream: name, kind }, state === "ok" ? 1 : 0)),
    ),
  ];
}

const ended = ["promoted", "unchanged", "failed", "superseded"];

function rebuildMetrics({ states, dueSince, durations }: RebuildCounts, now: Instant): Metric[] {
  const labelled = states.map(({ state, lane, count }) => ({
    isEnded: ended.includes(state),
    ...one({ state, lane }, count),
  }));
  return [
    {
      kind: "counter",
      name: "tidemill_rebuilds_total",
      help: "Rebuilds that ended, by how.",
      samples: labelled.filter(({ isEnded }) => isEnded),
    },
    gauge(
      "tidemill_rebuilds_in_flight",
      "Rebuilds that are queued or under way.",
      labelled.filter(({ isEnded }) => !isEnded),
    ),
    gauge(
      "tidemill_rebuild_queue_oldest_seconds",
      "How long the oldest rebuild that is due has waited for a worker; 0 while none waits.",
      [one({}, dueSince === undefined ? 0 : Math.max(0, now - dueSince) / 1000)],
    ),
    {
      kind: "histogram",
      name: "tidemill_rebuild_duration_seconds",
      help: "From being queued to its end, with soaks and waits, of rebuilds that were carried out.",
      series: durations.map(({ state, below, count, sum }) => ({
        labels: { state },
        buckets: durationBounds.map((le, index) => ({ le, count: below[index] ?? 0 })),
        count,
        sum,
      })),
    },
  ];
}

/** By the names that client libraries have agreed on: Prometheus, "Process metrics". */
/** Of this process: each has a budget of its own. */
function registryMetrics(asker: Context["bases"]["asker"]): Metric[] {
  const budgets = [...asker.left()];
  const each = (value: (left: BudgetLeft) => number): Sample[] =>
    budgets.map(([registry, left]) => one({ registry }, value(left)));
  return [
    gauge(
      "tidemill_registry_requests_left",
      "Questions that this process may still ask a registry of others within the hour.",
      each(({ requests }) => requests),
    ),
    gauge(
      "tidemill_registry_requests_budget",
      "Questions that this process may ask a registry of others in an hour.",
      each(({ of }) => of),
    ),
    gauge(
      "tidemill_registry_throttled",
      "Whether a registry of others wants to be left alone (429).",
      each(({ isQuiet }) => (isQuiet ? 1 : 0)),
    ),
  ];
}

function processMetrics(since: Instant): Metric[] {
  const { user, system } = process.cpuUsage();
  return [
    {
      kind: "counter",
      name: "process_cpu_seconds_total",
      help: "Total user and system CPU time spent in seconds.",
      samples: [one({}, (user + system) / 1e6)],
    },
    gauge("process_resident_memory_bytes", "Resident memory size in bytes.", [one({}, process.memoryUsage.rss())]),
    gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", [
      one({}, since / 1000),
    ]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { kind: "gauge", name, help, samples };
}

function one(labels: Readonly<Record<string, string>>, value: number): Sample {
  return { labels, value };
}

/** A sample for each of `words`, also for those that nothing has: a series that comes and goes cannot be alarmed on. */
function countBy<T, Word extends string>(
  list: readonly T[],
  words: readonly Word[],
  wordOf: (item: T) => Word,
  label: string,
  more: Readonly<Record<string, string>> = {},
): Sample[] {
  return words.map((word) => one({ ...more, [label]: word }, list.filter((item) => wordOf(item) === word).length));
}
