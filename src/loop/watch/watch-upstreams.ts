import type { Context } from "../context.ts";
import { followedBases, type BaseSystems } from "../followed-bases.ts";
import type { FollowedBase } from "../followed-base.ts";
import { hasSource, loadSource, type ImageSource, type SourceRef } from "../sources.ts";
import { loadBaseSystems } from "./load-base-systems.ts";
import { watchBases } from "./watch-bases.ts";
import { watchFeeds } from "./watch-feeds.ts";
import { watchSources } from "./watch-sources.ts";
import { watchSuites, type Watched } from "./watch-suites.ts";

/** What of the outside is looked at. */
export interface Wanted {
  readonly suites: boolean;
  readonly feeds: boolean;
  readonly source: (ref: SourceRef) => boolean;
  readonly base: (base: FollowedBase) => boolean;
}

const everything: Wanted = { suites: true, feeds: true, source: () => true, base: () => true };
const nothing: Watched = { updated: [], failed: [] };

/** Looks at everything outside, or at what is wanted: the suites, the advisory feeds, the repositories that images are built from, and the images of others that they are made of. */
export async function watchUpstreams(ctx: Context, wanted = everything): Promise<Watched> {
  const all = await Promise.all([
    wanted.suites ? watchSuites(ctx) : nothing,
    wanted.feeds ? watchFeeds(ctx) : nothing,
    watchMade(ctx, wanted),
  ]);
  return { updated: all.flatMap(({ updated }) => updated), failed: all.flatMap(({ failed }) => failed) };
}

/** Sources first: a new commit may name another base. */
async function watchMade(ctx: Context, wanted: Wanted): Promise<Watched> {
  const images = Object.values(ctx.config.images);
  if (images.every(({ recipe }) => recipe === "packages")) return nothing;
  const sources = await watchSources(ctx, wanted.source);
  const isWanted = sources.updated.length > 0 ? everything.base : wanted.base;
  const bases = await watchBases(ctx, await followed(ctx), ctx.bases, isWanted);
  return { updated: [...sources.updated, ...bases.updated], failed: [...sources.failed, ...bases.failed] };
}

async function followed(ctx: Context): Promise<Parameters<typeof watchBases>[1]> {
  const readable = new Map<string, ImageSource>();
  for (const [name, image] of Object.entries(ctx.config.images)) {
    if (!hasSource(image)) continue;
    // What cannot be read is told where it is watched and planned.
    const source = await loadSource(ctx.config, name, ctx.sources, ctx.signal).catch(() => undefined);
    ctx.signal.throwIfAborted();
    if (source !== undefined) readable.set(name, source);
  }
  const systems: BaseSystems = await loadBaseSystems(ctx, readable);
  return followedBases(ctx.config, ctx.home, readable, systems);
}
