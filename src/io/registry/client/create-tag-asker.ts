import { formatReference, type Descriptor, type Reference } from "../../../core/image/index.ts";
import { systemClock, type Clock, type Instant } from "../../../lib/index.ts";
import type { RegistryClient } from "./create-registry-client.ts";
import type { KnownTag } from "./look-at-tag.ts";
import { createRegistryBudget, type BudgetLeft, type RequestBudget } from "./registry-budget.ts";
import { createSharedWork } from "./shared-work.ts";

export interface TagAskerOptions {
  readonly clock?: Clock;
  /** Milliseconds for which an answer, or a refusal, is good for everybody. */
  readonly freshMs?: number;
  /** The same for lists of tags, which cost more. */
  readonly tagsFreshMs?: number;
  /** Of each registry. */
  readonly budget?: RequestBudget;
  /** Of some registries, by host. */
  readonly budgets?: Readonly<Record<string, RequestBudget>>;
  /** Requests at a time to one registry. */
  readonly atOnce?: number;
}

/** A tag of a repository. */
export interface TagName {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
}

/** What a tag names now. */
export interface TagAnswer {
  /** Undefined where there is no such tag. */
  readonly descriptor: Descriptor | undefined;
  /** What the registry's clock said; undefined where it said nothing. */
  readonly theirs: Instant | undefined;
}

/** Asks registries what tags name, once for the whole fleet. */
export interface TagAsker {
  /** Shares one request among all who ask for a tag at once or within `freshMs`. Throws what the client throws, THROTTLED while a registry wants to be left alone, BUDGET_SPENT. */
  ask(name: TagName, signal?: AbortSignal): Promise<TagAnswer>;
  /** All tags of a repository, in the same way; none where it does not exist. */
  tags(repository: Pick<TagName, "registry" | "repository">, signal?: AbortSignal): Promise<readonly string[]>;
  /** Counts what is done with the client for a registry against its budget: one request. Throws as `ask` does. */
  spend(registry: string): void;
  /** Whoever asks next for a tag of this repository, or for this tag, gets a new answer: somebody said that it was pushed. */
  forget(reference: Reference): void;
  /** What is left of the budget of each registry that was asked. */
  left(): ReadonlyMap<string, BudgetLeft>;
}

const defaultBudget: RequestBudget = { requests: 2000, perMs: 3_600_000 };
const tagsAPage = 1000;

/**
 * Asks through `client`, whose retries it leaves to the next look where a registry says 429: then nobody asks that registry before it wants to be asked, and the others
 * do not wait for it. Remembers 20,000 tags.
 */
export function createTagAsker(client: RegistryClient, options: TagAskerOptions = {}): TagAsker {
  const { clock = systemClock, freshMs = 30_000, tagsFreshMs = 300_000, budget = defaultBudget } = options;
  const registries = new Map<string, ReturnType<typeof createRegistryBudget>>();
  const looks = createSharedWork<TagAnswer>({ clock, freshMs });
  const lists = createSharedWork<readonly string[]>({ clock, freshMs: tagsFreshMs });
  const known = new Map<string, KnownTag>();

  function budgetOf(registry: string): ReturnType<typeof createRegistryBudget> {
    let held = registries.get(registry);
    if (held === undefined) {
      const own = options.budgets?.[registry] ?? budget;
      held = createRegistryBudget({ registry, clock, budget: own, atOnce: options.atOnce ?? 4 });
      registries.set(registry, held);
    }
    return held;
  }

  return {
    ask: (name, signal) => {
      const { registry, repository, tag } = name;
      const key = formatReference(name);
      return looks.share(
        key,
        (stop) =>
          budgetOf(registry).run(async () => {
            const look = await client.repository({ registry, repository }).look(tag, known.get(key), stop);
            remember(known, key, look.found);
            return [{ descriptor: look.found?.descriptor, theirs: look.theirs }, look.requests];
          }, stop),
        signal,
      );
    },
    tags: ({ registry, repository }, signal) =>
      lists.share(
        formatReference({ registry, repository }),
        (stop) =>
          budgetOf(registry).run(async () => {
            const found = await client.repository({ registry, repository }).tags(stop, { waits: false });
            return [found, Math.max(1, Math.ceil(found.length / tagsAPage))];
          }, stop),
        signal,
      ),
    spend: (registry) => budgetOf(registry).spend(1),
    left: () => new Map([...registries].map(([registry, held]) => [registry, held.left()])),
    forget: ({ registry, repository, tag }) => {
      const name = formatReference({ registry, repository });
      lists.forget(name);
      if (tag === undefined) looks.forgetAll(`${name}:`);
      else looks.forget(`${name}:${tag}`);
    },
  };
}

const maxKnown = 20_000;

function remember(known: Map<string, KnownTag>, key: string, found: KnownTag | undefined): void {
  known.delete(key);
  if (found === undefined) return;
  known.set(key, found);
  const [oldest] = known.keys();
  if (known.size > maxKnown && oldest !== undefined) known.delete(oldest);
}
