import { z } from "zod";
import type { Store } from "../io/store/index.ts";
import { isDigest, type Digest, type Instant } from "../lib/index.ts";

const digest = z.string().refine(isDigest);
const shown = z.object({ digest, tag: z.string(), since: z.number() });
/** What the watch keeps of a base in its upstream's row. */
const memory = z.object({ believed: shown.nullable(), shown: shown.nullable(), state: z.string().nullable() });

/** An image of somebody else's, as the last watch left it. */
export interface BelievedBase {
  readonly name: string;
  /** What may be built on, and since when it is seen; undefined where nothing was ever believed. */
  readonly believed: { readonly digest: Digest; readonly tag: string; readonly since: Instant } | undefined;
  /** What it shows and is not believed yet, since when, and why: `cool-down`, `settling`, `moved-back`, `unsigned`, `proposed`. */
  readonly pending: { readonly digest: Digest; readonly since: Instant; readonly state: string } | undefined;
}

/** Every base that was watched, by name. */
export async function loadBelievedBases(store: Store): Promise<Map<string, BelievedBase>> {
  const found = new Map<string, BelievedBase>();
  for (const { name, kind, detail } of await store.loadUpstreams()) {
    const parsed = kind === "base" ? memory.safeParse(detail) : undefined;
    if (parsed?.success !== true) continue;
    const { believed, shown: last, state } = parsed.data;
    const isPending = last !== null && last.digest !== believed?.digest;
    found.set(name, {
      name,
      believed: believed ?? undefined,
      pending: isPending ? { digest: last.digest, since: last.since, state: state ?? "" } : undefined,
    });
  }
  return found;
}
