import type { Digest, Instant } from "../../lib/index.ts";
import type { Placement } from "./finding-lives.ts";

/** What an environment named for a while. */
export interface NamedDigest extends Placement {
  readonly digest: Digest;
}

/** A digest that a deployment was seen to run. */
export interface SeenRunning {
  /** Of the deployment. */
  readonly name: string;
  readonly digest: Digest;
  readonly at: Instant;
}

/** What ran for a while: in a fleet of several deployments perhaps more than one digest at a time. */
export interface RanPlacement extends Placement {
  readonly digests: readonly Digest[];
}

/** Stands for what a deployment runs that was never seen: nothing is known of it, so that nothing is closed by it. */
const unseen = "never seen to run";

/**
 * What ran in an environment, from what it named and from what its deployments were seen to run, oldest first: what is named does not run before that was seen, and a fix is nowhere before it runs
 * everywhere. Until the first was seen, and where no deployment is configured (`names` is empty), what is named is all there is to go by. A deployment of which nothing was seen yet leaves open what it may run.
 */
export function ranPlacements(
  named: readonly NamedDigest[],
  names: readonly string[],
  seen: readonly SeenRunning[],
): RanPlacement[] {
  const asNamed = named.map((one): RanPlacement => ({ ...one, digests: [one.digest] }));
  const own = seen.filter(({ name }) => names.includes(name)).sort((a, b) => a.at - b.at);
  const first = own[0]?.at;
  if (first === undefined) return asNamed;
  const holds = new Map(named.map(({ digest, inventories }) => [digest, inventories]));
  const before = asNamed
    .filter(({ since }) => since < first)
    .map((one) => ({ ...one, until: Math.min(one.until ?? first, first) }));
  const running = new Map<string, Digest>();
  const after: RanPlacement[] = [];
  for (const [at, one] of own.entries()) {
    running.set(one.name, one.digest);
    const until = own[at + 1]?.at;
    if (until === one.at) continue;
    const digests = [...new Set(running.values())];
    const isWhole = names.every((name) => running.has(name));
    const inventories = [...digests.flatMap((digest) => holds.get(digest) ?? [unseen]), ...(isWhole ? [] : [unseen])];
    after.push({ digests, inventories: [...new Set(inventories)], since: one.at, until, replacedBy: undefined });
  }
  return [...before, ...after].map((one, at, all) => {
    const next = all[at + 1]?.digests.at(-1);
    return { ...one, replacedBy: next === undefined ? undefined : rebuildOf(named, next) };
  });
}

/** The rebuild that brought a digest to an environment. */
function rebuildOf(named: readonly NamedDigest[], digest: Digest): string | undefined {
  const at = named.findLastIndex((one) => one.digest === digest);
  return named[at - 1]?.replacedBy;
}
