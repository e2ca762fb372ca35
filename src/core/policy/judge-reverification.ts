import type { Digest, Instant } from "../../lib/index.ts";

/** When what an environment names was last verified again, and by which advisories. */
export interface Reverified {
  readonly digest: Digest;
  readonly at: Instant;
  readonly advisories: string;
}

/** Whether what an environment names is to be verified again: never before `every` has passed since it came, unless advisories changed. A moment that lies ahead is none. */
export function isReverificationDue(
  { every }: { readonly every: number },
  pointer: { readonly digest: Digest; readonly since: Instant | null },
  last: Reverified | undefined,
  now: { readonly at: Instant; readonly advisories: string },
): boolean {
  const own = last?.digest === pointer.digest ? last : undefined;
  if (own !== undefined && own.advisories !== now.advisories) return true;
  const since = own?.at ?? pointer.since ?? 0;
  return since > now.at || now.at - since >= every;
}
