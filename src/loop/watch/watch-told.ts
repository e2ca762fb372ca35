import { isRefMeant, sourceKey, type Subject } from "../../core/events/index.ts";
import { formatReference, parseReference, type Reference } from "../../core/image/index.ts";
import type { Context } from "../context.ts";
import type { FollowedBase } from "../followed-base.ts";
import { watchUpstreams, type Wanted } from "./watch-upstreams.ts";

/** Deliveries that one look answers. */
const atOnce = 5_000;
/** Rows that one statement marks. */
const page = 1_000;

/** What a look at what others told of came to. */
export interface Told {
  /** Deliveries that were looked into. */
  readonly events: number;
  /** Whether something is new, or may be otherwise than we left it: the loop should plan. */
  readonly isPlanDue: boolean;
}

/**
 * Looks at all that others told of since the last look, and at nothing else: any number of deliveries are one look. They are marked when it has ended, so that one which is
 * cut off is done again. An upstream that fails is told by its alarm, and asked again at the next watch.
 */
export async function watchTold(ctx: Context): Promise<Told> {
  let events = 0;
  let isPlanDue = false;
  for (;;) {
    const waiting = await ctx.store.loadWaitingEvents(atOnce);
    if (waiting.length === 0) return { events, isPlanDue };
    const subjects = distinct(waiting.flatMap((one) => one.subjects));
    const images = subjects.flatMap((one) => (one.kind === "image" ? [parseReference(one.reference)] : []));
    for (const reference of images) ctx.bases.asker.forget(reference);
    const { updated } = await watchUpstreams(ctx, wantedBy(subjects, images));
    ctx.signal.throwIfAborted();
    const ids = waiting.map(({ id }) => id);
    for (let from = 0; from < ids.length; from += page) await ctx.store.saveEventsLooked(ids.slice(from, from + page));
    events += waiting.length;
    isPlanDue ||= updated.length > 0 || images.some((reference) => isOwn(ctx, reference));
    const from = [...new Set(waiting.map(({ endpoint }) => endpoint))].join(", ");
    ctx.emit({ kind: "note", message: `${waiting.length} told by ${from}: ${describeNew(updated)}` });
  }
}

function wantedBy(subjects: readonly Subject[], images: readonly Reference[]): Wanted {
  const repositories = new Set(images.map(repositoryOf));
  const sources = Map.groupBy(
    subjects.filter((one) => one.kind === "source"),
    ({ repository }) => repository,
  );
  return {
    suites: subjects.some(({ kind }) => kind === "packages"),
    feeds: subjects.some(({ kind }) => kind === "advisories"),
    base: (base: FollowedBase) => repositories.has(repositoryOf(base)),
    source: ({ url, ref }) => sources.get(sourceKey(url) ?? "")?.some((told) => isRefMeant(ref, told.ref)) === true,
  };
}

function repositoryOf({ registry, repository }: Pick<Reference, "registry" | "repository">): string {
  return formatReference({ registry, repository });
}

/** Whether a repository is one that we push to: then somebody else may have. */
function isOwn(ctx: Context, reference: Reference): boolean {
  const told = repositoryOf(reference);
  return Object.keys(ctx.config.images).some((image) => repositoryOf(parseReference(ctx.pullName(image))) === told);
}

function distinct(subjects: readonly Subject[]): Subject[] {
  return [...new Map(subjects.map((one) => [JSON.stringify(one), one])).values()];
}

function describeNew(updated: readonly string[]): string {
  if (updated.length === 0) return "nothing new";
  const more = updated.length > 3 ? ` and ${updated.length - 3} more` : "";
  return `new is ${updated.slice(0, 3).join(", ")}${more}`;
}
