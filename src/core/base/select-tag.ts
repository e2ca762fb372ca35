import { isTag } from "../image/index.ts";
import { printable, type Instant } from "../../lib/index.ts";
import { orderOf, type FollowRule, type TagKey } from "./follow-rule.ts";
import { PatternError } from "./parse-pattern.ts";

/** What a rule makes of the tags of a repository. */
export type TagSelection =
  | { readonly kind: "selected"; readonly tag: string; readonly reason: string }
  /** Nothing fits. */
  | { readonly kind: "none"; readonly reason: string }
  /** The rule cannot be used, or not on these tags. */
  | { readonly kind: "refused"; readonly reason: string };

/** Steps that a pattern may take on all tags together: well under a second. */
const maxSteps = 10_000_000;

/**
 * The newest tag that fits `rule`, with the reason. Takes time by the number of tags, whatever they and the rule look like; what is no tag is passed over. Of two
 * spellings of one version the more exact, then the shorter, then the first by code units is taken, so that the order of `tags` changes nothing.
 */
export function selectTag(rule: FollowRule, tags: readonly string[], now: Instant): TagSelection {
  if (rule.kind === "tag" || rule.kind === "digest") {
    if (!isTag(rule.tag)) return { kind: "refused", reason: `"${printable(rule.tag.slice(0, 140))}" is not a tag` };
    return { kind: "selected", tag: rule.tag, reason: `${rule.tag} is followed` };
  }
  try {
    return selectByOrder(rule, tags, now);
  } catch (error) {
    if (error instanceof PatternError) return { kind: "refused", reason: printable(error.message) };
    throw error;
  }
}

function selectByOrder(rule: Parameters<typeof orderOf>[0], tags: readonly string[], now: Instant): TagSelection {
  const order = orderOf(rule, now, { steps: maxSteps });
  let best: { readonly tag: string; readonly key: TagKey; readonly exact: number } | undefined;
  let fitting = 0;
  for (const tag of tags) {
    const key = isTag(tag) ? order.keyOf(tag) : undefined;
    if (key === undefined) continue;
    fitting += 1;
    const exact = order.exactness?.(key) ?? 0;
    const difference =
      best === undefined
        ? 1
        : exact - best.exact ||
          order.compare(key, best.key) ||
          best.tag.length - tag.length ||
          (tag < best.tag ? 1 : -1);
    if (difference > 0) best = { tag, key, exact };
  }
  const wants = printable(order.wants.slice(0, 200));
  if (best === undefined) return { kind: "none", reason: `none of ${tags.length} tags fits ${wants}` };
  return { kind: "selected", tag: best.tag, reason: `${best.tag} is the newest of ${fitting} that fit ${wants}` };
}
