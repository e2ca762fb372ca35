import { z } from "zod";
import type { BaseState } from "../../core/base/index.ts";
import type { Detail, Store, Upstream } from "../../io/store/index.ts";
import { isDigest, type Digest, type Instant } from "../../lib/index.ts";
import { followKey, type FollowedBase } from "../followed-base.ts";

const digest = z.string().refine(isDigest);
const platform = z.object({ os: z.string(), architecture: z.string(), variant: z.string().exactOptional() });

/** What of a base stands in its upstream's row. */
const memoryShape = z.object({
  follows: z.string(),
  believed: z
    .object({ digest, tag: z.string().exactOptional(), since: z.number(), previous: digest.exactOptional() })
    .nullable(),
  shown: z.object({ digest, tag: z.string(), since: z.number(), isBack: z.boolean() }).nullable(),
  waiting: z.array(z.object({ digest, tag: z.string(), firstSeen: z.number() })),
  /** What the last look made of it. */
  state: z.string().nullable(),
});

/** What was seen of one digest, as its observation keeps it. */
const sightShape = z.object({
  follows: z.string(),
  /** By the later of two clocks; see decideBase. */
  seenAt: z.number(),
  platforms: z.array(platform),
});

export type KeptSight = z.output<typeof sightShape>;

/** What is known of a base from earlier looks. */
export interface BaseMemory {
  readonly state: BaseState;
  readonly lastState: string | null;
  readonly sights: ReadonlyMap<Digest, KeptSight>;
}

const maxHistory = 500;

/** The upstream's `detail`: what is followed, and what is remembered. */
export function detailOf(base: FollowedBase, state: BaseState, lastState: string | null): Detail {
  const { registry, repository, rule } = base;
  return {
    reference: `${registry}/${repository}`,
    rule,
    follows: followKey(base),
    believed: state.believed ?? null,
    shown: state.shown ?? null,
    waiting: state.waiting,
    state: lastState,
  };
}

/** What `row` remembers of a base, without its history; nothing where something else was followed under its name. */
export function rememberedState(base: FollowedBase, row: Upstream | undefined): Omit<BaseMemory, "sights"> {
  const parsed = memoryShape.safeParse(row?.detail);
  if (!parsed.success || parsed.data.follows !== followKey(base))
    return { state: { believed: undefined, shown: undefined, waiting: [], history: [] }, lastState: null };
  const { believed, shown, waiting, state } = parsed.data;
  return {
    state: { believed: believed ?? undefined, shown: shown ?? undefined, waiting, history: [] },
    lastState: state,
  };
}

/** The same, with every digest that it showed while the same was followed. */
export async function loadBaseMemory(store: Store, base: FollowedBase, row: Upstream | undefined): Promise<BaseMemory> {
  const { state, lastState } = rememberedState(base, row);
  const observations = await store.loadObservations({ upstream: base.name, limit: maxHistory });
  const sights = new Map<Digest, KeptSight>();
  const history: { digest: Digest; firstSeen: Instant }[] = [];
  for (const { contentKey, detail, firstSeen } of observations) {
    const sight = sightShape.safeParse(detail);
    if (!sight.success || sight.data.follows !== followKey(base) || !isDigest(contentKey)) continue;
    sights.set(contentKey, sight.data);
    history.push({ digest: contentKey, firstSeen: Math.max(firstSeen, sight.data.seenAt) });
  }
  return { state: { ...state, history }, lastState, sights };
}
