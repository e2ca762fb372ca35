import { bumpTypes, isSameVersion } from "../../core/bump/index.ts";
import type { Bump, BumpState } from "../../io/store/index.ts";
import type { BumpView, CureView, ScheduleView } from "../../operation/index.ts";
import { describeBump } from "./describe-bumps.ts";

const states: Readonly<Record<BumpState, ScheduleView["state"]>> = {
  waiting: "waiting",
  intent: "under-way",
  closing: "under-way",
  merged: "under-way",
  committed: "under-way",
  proposed: "person",
  declined: "person",
  refused: "person",
  ended: "person",
};

/** A cure of an image's source with how far its bump has come, where one was ever wanted. */
export function scheduleBump(cure: CureView, bumps: readonly Bump[]): CureView {
  const type = bumpTypes.find((one) => one === cure.type);
  if (cure.remedy.kind !== "bump-source" || type === undefined) return cure;
  const bump = bumps.find(
    (one) =>
      one.state !== "ended" &&
      one.type === type &&
      one.package === cure.source &&
      one.images.includes(cure.image) &&
      one.moves.some(({ from }) => isSameVersion(type, from, cure.version)),
  );
  if (bump === undefined) return cure;
  const view = describeBump(bump);
  return {
    ...cure,
    schedule: { ...cure.schedule, state: states[bump.state], reason: reasonOf(bump, view), bump: view },
  };
}

function reasonOf({ state, reason, file }: Bump, { code, openedAt, endedAt }: BumpView): string {
  if (state === "refused") return `${file} was not changed: ${reason}${code === null ? "" : ` (${code})`}`;
  if (state === "proposed" && openedAt !== null) return `${reason} since ${openedAt.slice(0, 10)}`;
  return state === "merged" && endedAt !== null ? `${reason} on ${endedAt.slice(0, 10)}` : reason;
}
