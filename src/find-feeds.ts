import { join, resolve } from "node:path";
import type { Config } from "./core/config/index.ts";
import { createFeed, type Feed } from "./io/feeds/index.ts";
import type { Clock } from "./lib/index.ts";

/** The feeds of a configuration that stands in the folder `home`; their generations are kept in `cacheDir`. */
export function findFeeds(config: Config, home: string, cacheDir: string, clock: Clock): Feed[] {
  const kinds = [
    ["osv", config.feeds.osv],
    ["debian-tracker", config.feeds.debianTracker],
  ] as const;
  return kinds.flatMap(([kind, location]) => {
    if (location === undefined) return [];
    const where = /^https?:/.test(location) ? location : resolve(home, location);
    return [createFeed({ name: kind, kind, location: where }, join(cacheDir, "feeds"), clock)];
  });
}
