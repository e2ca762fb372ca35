export { checkFollowRule, type FollowRule, type GroupOrder } from "./follow-rule.ts";
export { selectTag, type TagSelection } from "./select-tag.ts";
export {
  decideBase,
  type BaseDecision,
  type BasePolicy,
  type BaseSight,
  type BaseState,
  type SignatureSight,
} from "./decide-base.ts";
export {
  describeSupport,
  endOfLife,
  nameRelease,
  runtimeEndOfLife,
  type Release,
  type Support,
} from "./end-of-life.ts";
export { parsePushNotification, type PushFormat, type PushNotification } from "./parse-push-notification.ts";
export { compilePattern, type LinearPattern } from "./linear-pattern.ts";
export { PatternError } from "./parse-pattern.ts";
