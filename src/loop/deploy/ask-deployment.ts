import { setTimeout as delay } from "node:timers/promises";
import type { DeployPlan, Place } from "../../io/deploy/index.ts";
import type { Digest } from "../../lib/index.ts";
import { leaseMs, type Context } from "../context.ts";
import { requestOf } from "./request-of.ts";

/** What became of a person's word; `busy`: somebody works at the place and did not leave it. */
export type Asked =
  { readonly kind: "asked" | "unchanged" | "busy" } | { readonly kind: "refused"; readonly reasons: readonly string[] };

const tries = 20;
const pauseMs = 250;

/** Writes down that a person has a place run what its environment names, whatever runs there now: it is carried out like any other deployment. */
export async function askDeployment(
  ctx: Context,
  place: Place,
  { digest, by, reason }: { readonly digest: Digest; readonly by: string; readonly reason: string },
): Promise<Asked> {
  const { store } = ctx;
  const { deployment: name, image, environment } = place;
  for (let attempt = 1; attempt <= tries; attempt += 1) {
    const lease = await store.leasePlace({ name, image, owner: ctx.owner, leaseMs });
    if (lease === undefined) {
      await delay(pauseMs, undefined, { signal: ctx.signal });
      continue;
    }
    try {
      const observed = await ctx.targetOf(name).observe(place, ctx.signal);
      const known = (await store.loadDeployed(image)).find((one) => one.name === name);
      const runs =
        observed.kind === "running" ? observed.digests.every((one) => one === digest) : observed.kind === "unknown";
      if (runs && known?.digest === digest && known.since !== null) return { kind: "unchanged" };
      const saved = await store.saveDeployIntent(lease, { environment, digest, by, reason });
      if (saved.kind === "lost") continue;
      return saved.kind === "refused" ? saved : { kind: "asked" };
    } finally {
      await store.releasePlace(lease);
    }
  }
  return { kind: "busy" };
}

/** What would be done at a place; nothing is changed. */
export async function planDeployment(ctx: Context, place: Place, digest: Digest): Promise<DeployPlan> {
  const { deployment: name, image, environment } = place;
  const current = (await ctx.store.loadDeployed(image)).find((one) => one.name === name)?.digest ?? null;
  const reason = `${environment} names it`;
  const attempt = { id: "planned", digest, previous: current, kind: "forward", reason } as const;
  return ctx.targetOf(name).plan(requestOf(ctx, { fence: 0 }, place, attempt), ctx.signal);
}
