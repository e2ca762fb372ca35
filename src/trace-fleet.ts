import type { Config } from "./core/config/index.ts";
import { summarizeCauses } from "./core/plan/index.ts";
import type { Rebuild, Store } from "./io/store/index.ts";
import { createTracing, openExporter, type TracedRebuild } from "./io/trace/index.ts";
import type { Logger } from "./lib/index.ts";
import type { ProgressListener } from "./operation/index.ts";
import { readVersion } from "./version.ts";

export interface TracedFleet {
  readonly config: Pick<Config, "environments">;
  readonly store: Pick<Store, "loadRebuild" | "loadRebuilds" | "loadCauses">;
  readonly log: Logger;
}

/** Makes a trace of each update, and sends it where the variables of OpenTelemetry say; undefined where they say nothing. What is given hears the events of the fleet. */
export async function traceFleet(
  { config, store, log }: TracedFleet,
  env: NodeJS.ProcessEnv,
): Promise<{ readonly listen: ProgressListener; readonly close: () => Promise<void> } | undefined> {
  const exporter = await openExporter(env);
  if (exporter === undefined) return undefined;
  const describe = async (rebuild: Rebuild | undefined): Promise<TracedRebuild | undefined> => {
    if (rebuild === undefined) return undefined;
    const { id, image, lane, createdAt } = rebuild;
    const causes = ((await store.loadCauses([id])).get(id) ?? []).map(({ cause }) => cause);
    const seen = causes.flatMap((cause) => ("firstSeen" in cause ? [cause.firstSeen] : []));
    const firstSeen = seen.length === 0 ? undefined : Math.min(...seen);
    return { id, image, lane, createdAt, firstSeen, causes: causes.map((cause) => summarizeCauses([cause])) };
  };
  const tracing = createTracing({
    exporter,
    version: readVersion(),
    last: config.environments.at(-1)?.name ?? "",
    log,
    loadRebuild: async (by) =>
      describe(
        "id" in by
          ? await store.loadRebuild(by.id)
          : (await store.loadRebuilds({ image: by.image, candidate: by.digest, limit: 1 }))[0],
      ),
  });
  return { listen: ({ at, ...event }) => tracing.hear({ ...event, at: Date.parse(at) }), close: () => tracing.close() };
}
