/** Why an open exposure is not closed yet. */
export const stuckKinds = [
  "waiting-upstream",
  "source-change",
  "hold",
  "failing-check",
  "failing-build",
  "approval",
  "window",
  "soak",
  "deployment",
  "cool-down",
  "in-progress",
  "unknown",
] as const;
export type StuckKind = (typeof stuckKinds)[number];

export interface StuckReason {
  readonly kind: StuckKind;
  /** A sentence for people. */
  readonly reason: string;
}

/** What is known of the way of a cure; each a sentence, undefined where it is not so. */
export interface StuckFacts {
  readonly hold?: string | undefined;
  /** By what the newest pass found: nothing that cures is to be had, or only a person's change brings it. */
  readonly remedy?: { readonly kind: "waiting-upstream" | "source-change"; readonly reason: string } | undefined;
  /** The newest rebuild failed, and what of it. */
  readonly failed?: { readonly isCheck: boolean; readonly reason: string } | undefined;
  /** A rebuild that goes on, what it waits for, and what that is. */
  readonly inFlight?:
    { readonly kind: "approval" | "window" | "soak" | "hold" | "in-progress"; readonly reason: string } | undefined;
  /** The environment names a cured digest, and the running systems do not use it. */
  readonly deployment?: string | undefined;
  /** The newest plan let it wait. */
  readonly planned?: string | undefined;
  readonly hasFix: boolean;
}

/** The first that stops it: what only people can change comes before what time changes. */
export function stuckReason(facts: StuckFacts): StuckReason {
  const { hold, remedy, failed, inFlight, deployment, planned } = facts;
  if (deployment !== undefined) return { kind: "deployment", reason: deployment };
  if (hold !== undefined) return { kind: "hold", reason: hold };
  if (inFlight !== undefined) return inFlight;
  if (failed !== undefined) return { kind: failed.isCheck ? "failing-check" : "failing-build", reason: failed.reason };
  if (remedy !== undefined) return remedy;
  if (planned !== undefined) return { kind: "cool-down", reason: planned };
  return facts.hasFix
    ? { kind: "unknown", reason: "a fix is known, and no rebuild brings it yet" }
    : { kind: "waiting-upstream", reason: "no fix is known" };
}
