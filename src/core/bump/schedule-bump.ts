import type { Instant } from "../../lib/index.ts";
import type { BumpFinding } from "./types.ts";

/** When a bump may be made: what closes something critical or known to be exploited at once, all else when its versions have been known for the cool-down, on our own clock. */
export function bumpDue(
  { firstSeen, findings }: { readonly firstSeen: Instant; readonly findings: readonly BumpFinding[] },
  coolDown: number,
): Instant {
  const isUrgent = findings.some(({ exploited, severity }) => exploited || severity === "critical");
  return isUrgent ? firstSeen : firstSeen + coolDown;
}
