import type { Context } from "../context.ts";
import { watchFeeds } from "./watch-feeds.ts";
import { watchSuites, type Watched } from "./watch-suites.ts";

/** Looks at everything outside: the suites and the advisory feeds. */
export async function watchUpstreams(ctx: Context): Promise<Watched> {
  const [suites, feeds] = await Promise.all([watchSuites(ctx), watchFeeds(ctx)]);
  return { updated: [...suites.updated, ...feeds.updated], failed: [...suites.failed, ...feeds.failed] };
}
