import { describeSupport, nameRelease, type BaseDecision, type Support } from "../../core/base/index.ts";
import type { RaisedAlarm } from "../../io/store/index.ts";
import { shortDigest, type Instant } from "../../lib/index.ts";
import type { FollowedBase } from "../followed-base.ts";

/** The codes of alarms about bases; their subject is the base's name. */
export const baseAlarmCodes = [
  "base-failing",
  "base-moved-back",
  "base-gone",
  "base-unsigned",
  "base-end-of-life",
] as const;

export type BaseAlarmCode = (typeof baseAlarmCodes)[number];

/** An alarm about a base, but for its subject. */
export type BaseAlarm = Omit<RaisedAlarm, "code" | "subject"> & { readonly code: BaseAlarmCode };

/** Milliseconds after its settle window in which an index may still fill up before it is an alarm. */
const fillingMs = 86_400_000;

/** What a look made of a base, as a sentence. */
export function describeDecision({ name }: FollowedBase, decision: BaseDecision, reason: string): string {
  if (decision.kind === "gone") return `${name}: ${decision.reason}; what was believed before stays`;
  const shown = `${decision.tag} names ${shortDigest(decision.digest)}`;
  switch (decision.kind) {
    case "same":
      return `${name}: ${shown}, as before`;
    case "new":
      return `${name}: ${shown} from now on; ${reason}`;
    case "proposed":
      return `${name}: ${shown}, which is newer than the digest that is followed: a person takes it, or not`;
    case "settling":
      return decision.missing.length > 0
        ? `${name}: ${shown}, which lacks ${decision.missing.join(", ")}`
        : `${name}: ${shown}, which is new: it settles until ${timeOf(decision.until)}`;
    case "cool-down":
      return `${name}: ${shown}, first seen ${timeOf(decision.firstSeen)}: it cools down until ${timeOf(decision.until)}`;
    case "moved-back":
      return `${name}: ${shown} again, which it named before (first seen ${timeOf(decision.firstSeen)}): held`;
    case "unsigned":
      return `${name}: ${shown}, which is not believed: ${decision.reason}`;
  }
}

/** The alarm that a decision is; undefined where it is none. */
export function alarmOf(decision: BaseDecision, message: string, now: Instant): BaseAlarm | undefined {
  switch (decision.kind) {
    case "moved-back":
      return {
        code: "base-moved-back",
        severity: "error",
        message,
        hint: "Its owner took something back, or somebody replays an old image. Images stay on what they have until it moves on, or a person takes this digest.",
      };
    case "gone":
      return {
        code: "base-gone",
        severity: "error",
        message,
        hint: "Follow another tag. Images can still be built on the last digest for as long as the registry keeps it.",
      };
    case "unsigned":
      return {
        code: "base-unsigned",
        severity: "error",
        message,
        hint: "Nothing is built on it before somebody whom the policy trusts has signed it. Images stay on what they have.",
      };
    case "settling":
      if (decision.missing.length === 0 || now < decision.until + fillingMs) return undefined;
      return {
        code: "base-failing",
        severity: "error",
        message,
        hint: "Its owner may have dropped the platform: build for fewer, or follow another base.",
      };
    case "same":
    case "new":
    case "proposed":
    case "cool-down":
      return undefined;
  }
}

/** The alarm that the end of support is: an error where it has ended for any part, a warning where only security is mended. */
export function endOfLifeAlarm({ name }: FollowedBase, support: readonly Support[]): BaseAlarm | undefined {
  const ended = support.filter((one) => one.kind === "ended");
  const [first] = ended.length > 0 ? ended : support.filter((one) => one.kind === "security-only");
  if (first === undefined) return undefined;
  const hint = first.successor === undefined ? "Move to another base." : `Move to ${nameRelease(first.successor)}.`;
  const severity = first.kind === "ended" ? "error" : "warning";
  return { code: "base-end-of-life", severity, message: `${name}: ${describeSupport(first)}`, hint };
}

function timeOf(at: Instant): string {
  return `${new Date(at).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
