import { compareDebText } from "../version/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { EnvironmentName, ImageName, PackageChange } from "./types.ts";

export interface RollbackFacts {
  readonly image: ImageName;
  readonly environment: EnvironmentName;
  /** What the environment names now. */
  readonly current: Digest | undefined;
  /** Digests that the environment named, newest first, each once. */
  readonly past: readonly Digest[];
  /** Digests that once passed their verification there. */
  readonly passed: ReadonlySet<Digest>;
  readonly quarantined: ReadonlySet<Digest>;
  /** The digest that a person asks for. */
  readonly wanted?: Digest | undefined;
}

export type RollbackDecision =
  | { readonly kind: "rollback"; readonly from: Digest; readonly to: Digest }
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/** Where an environment can go back to: the newest digest that it named before, that once passed there and is not in quarantine. */
export function decideRollback(facts: RollbackFacts): RollbackDecision {
  const { image, environment, current, wanted } = facts;
  if (current === undefined) return refused(`${environment} names no digest of ${image} yet`);
  if (wanted === current) return refused(`${environment} names ${wanted} already`);
  const isGood = (digest: Digest): boolean => facts.passed.has(digest) && !facts.quarantined.has(digest);
  if (wanted !== undefined) {
    const reasons: string[] = [];
    if (!facts.passed.has(wanted)) reasons.push(`${image}@${wanted} never passed its verification for ${environment}`);
    if (facts.quarantined.has(wanted)) reasons.push(`${image}@${wanted} is in quarantine`);
    return reasons.length > 0 ? { kind: "refused", reasons } : { kind: "rollback", from: current, to: wanted };
  }
  const to = facts.past.find((digest) => digest !== current && isGood(digest));
  if (to === undefined)
    return refused(`${image} has no earlier digest that passed in ${environment} and is not in quarantine`);
  return { kind: "rollback", from: current, to };
}

/** The versions that a digest brought over another: what must not come back with the next candidate. */
export function broughtVersions(
  changes: readonly PackageChange[],
): { readonly name: string; readonly architecture: string; readonly version: string }[] {
  return changes.flatMap(({ name, architecture, from, to }) =>
    to === undefined || (from !== undefined && compareDebText(from, to) > 0)
      ? []
      : [{ name, architecture, version: to }],
  );
}

function refused(reason: string): RollbackDecision {
  return { kind: "refused", reasons: [reason] };
}
