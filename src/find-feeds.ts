import { join, resolve } from "node:path";
import type { Config } from "./core/config/index.ts";
import { createFeed, type Feed, type FeedConfig } from "./io/feeds/index.ts";
import type { Clock } from "./lib/index.ts";

/** The feeds of a configuration that stands in the folder `home`; their generations are kept in `cacheDir`. */
export function findFeeds(config: Config, home: string, cacheDir: string, clock: Clock): Feed[] {
  return configured(config.feeds).map(({ location, ...rest }) => {
    const where = /^https?:/.test(location) ? location : resolve(home, location);
    return createFeed({ ...rest, location: where }, join(cacheDir, "feeds"), clock);
  });
}

function configured(feeds: Config["feeds"]): FeedConfig[] {
  if (!Array.isArray(feeds)) {
    const { osv, debianTracker } = feeds;
    return [
      ...(osv === undefined ? [] : [{ name: "osv", kind: "osv" as const, location: osv }]),
      ...(debianTracker === undefined
        ? []
        : [{ name: "debian-tracker", kind: "debian-tracker" as const, location: debianTracker }]),
    ];
  }
  return feeds.map(({ kind, name = kind, from, ecosystems, trust }) => ({
    kind,
    name,
    location: from,
    ...(trust === undefined ? {} : { trust }),
    ...(ecosystems === undefined ? {} : { ecosystems }),
  }));
}
