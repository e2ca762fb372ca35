import type { DeployTarget, Place } from "../../io/deploy/index.ts";
import type { DeployLease } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { placeSubject, raisePlaceAlarm } from "./alarms.ts";
import type { KeptLease } from "./keep-lease.ts";

/** What the running systems bring about elsewhere: other steps do it. */
export interface DeployPowers {
  /** Takes an environment back from a digest that could not be deployed to it; false where there is nothing to go back to. */
  readonly takeBack: (failed: FailedDeployment) => Promise<boolean>;
  /** Obeys a person who changed what a place runs: the environment is held until a person resumes it, and goes back to what was found where that was good there; false where it cannot. */
  readonly obey: (moved: {
    readonly image: string;
    readonly environment: string;
    readonly digest: Digest;
    /** Undefined where what is there is named by no digest. */
    readonly found: Digest | undefined;
    /** Where it was done. */
    readonly deployment: string;
    readonly reason: string;
  }) => Promise<boolean>;
}

export interface FailedDeployment {
  readonly image: string;
  readonly environment: string;
  readonly digest: Digest;
  readonly message: string;
  readonly reason: string;
  readonly alarm: { readonly code: string; readonly subject: string };
  readonly evidence: Readonly<Record<string, unknown>>;
}

/** Who works at a place, with what. */
export interface Worker {
  readonly ctx: Context;
  readonly powers: DeployPowers;
  readonly place: Place;
  readonly lease: DeployLease;
  readonly kept: KeptLease;
  readonly target: DeployTarget;
}

/** What came of one step: `moved`, `on` and `again` (after a pause) are followed by another. */
export type StepEnd = "moved" | "on" | "again" | "settled" | "waits" | "lost";

/** That a target cannot be used says nothing of the image: it is told of, and tried again. */
export async function giveUpFor({ ctx, place, lease }: Worker, reason: string): Promise<void> {
  const message = `${placeSubject(place)} cannot be brought up to date: ${reason}`;
  const hint = "It is tried again; nothing goes back for it. Look at the system that it runs in.";
  await raisePlaceAlarm(ctx, place, { code: "deploy-stuck", message, hint });
  await ctx.store.savePlaceLook(lease, { waiting: reason, runs: undefined });
}

/** What waits for the deployment is looked at anew. */
export async function hurryRebuilds({ store }: Context, image: string): Promise<void> {
  for (const { id } of await store.loadRebuilds({ image, active: true, states: ["built"] }))
    await store.hurryRebuild(id);
}
