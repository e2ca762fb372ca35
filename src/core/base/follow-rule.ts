import { isTag } from "../image/index.ts";
import { compareSemver, isInRange, parseSemver, parseSemverRange } from "../version/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import { readDateTag } from "./date-tag.ts";
import { readDistroTag } from "./distro-tag.ts";
import { compilePattern, type StepBudget } from "./linear-pattern.ts";
import { PatternError } from "./parse-pattern.ts";

/** How a group of a pattern is ordered. */
export interface GroupOrder {
  readonly group: string;
  readonly by: "numeric" | "semver" | "alphabetic";
}

/** What of a repository an image follows. */
export type FollowRule =
  /** One tag, wherever it moves. */
  | { readonly kind: "tag"; readonly tag: string }
  /** The newest version in a range, of tags that end in `suffix`: `{ range: "^1.2", suffix: "-bookworm" }`. */
  | { readonly kind: "semver"; readonly range: string; readonly suffix?: string; readonly prerelease?: boolean }
  /**
   * The newest tag like this one: the same text before and after the version, the same count of numbers, and `series` as its first numbers. Without `series`
   * all numbers but the last stay: `12.5-slim` follows `12.*-slim`; `*` lets all of them move.
   */
  | { readonly kind: "distro"; readonly like: string; readonly series?: string }
  /** The newest date: YYYY, MM, DD and HH stand for digits, `#` for a counter, all else for itself: `bookworm-YYYYMMDD-slim`. */
  | { readonly kind: "date"; readonly format: string }
  /** The highest by its named groups, the first of `order` first. `pattern` must match all of a tag; see parsePattern for its syntax. */
  | { readonly kind: "regex"; readonly pattern: string; readonly order: readonly GroupOrder[] }
  /** This digest, until a person takes another: what `tag` names now is proposed, never taken. */
  | { readonly kind: "digest"; readonly digest: Digest; readonly tag: string };

/** A place in the order of a rule: compared part by part. */
export type TagKey = readonly (number | string)[];

/** A rule, ready to be asked. */
export interface TagOrder {
  /** What the rule asks for, in words. */
  readonly wants: string;
  /** Undefined for a tag that does not fit. Throws PatternError where a pattern takes too long. */
  keyOf(tag: string): TagKey | undefined;
  compare(a: TagKey, b: TagKey): number;
  /** How exact a key is, where more exact ones leave others out: the count of numbers that were written. */
  exactness?(key: TagKey): number;
}

/** Milliseconds that a tag may be ahead of us and still be a date of today somewhere. */
const aheadMs = 2 * 86_400_000;

/** The order that a rule puts tags in; throws PatternError where the rule makes no sense. `now` keeps tags of a day that has not come from winning for ever. */
export function orderOf(
  rule: Exclude<FollowRule, { kind: "tag" | "digest" }>,
  now: Instant,
  budget: StepBudget,
): TagOrder {
  switch (rule.kind) {
    case "semver":
      return semverOrder(rule);
    case "distro": {
      const { wants, keyOf } = readDistroTag(rule.like, rule.series);
      return { wants, keyOf, compare: compareKeys };
    }
    case "date": {
      const { wants, keyOf } = readDateTag(rule.format, now + aheadMs);
      return { wants, keyOf, compare: compareKeys };
    }
    case "regex":
      return regexOrder(rule, budget);
  }
}

/** Why a rule cannot be followed, as a sentence; undefined where it can. */
export function checkFollowRule(rule: FollowRule): string | undefined {
  if (rule.kind === "tag" || rule.kind === "digest")
    return isTag(rule.tag) ? undefined : `"${rule.tag.slice(0, 140)}" is not a tag`;
  try {
    orderOf(rule, 0, { steps: 0 });
    return undefined;
  } catch (error) {
    if (error instanceof PatternError) return error.message;
    throw error;
  }
}

function semverOrder({ range, suffix = "", prerelease = false }: Extract<FollowRule, { kind: "semver" }>): TagOrder {
  const parsed = parseSemverRange(range);
  if (parsed === undefined) throw new PatternError(`"${range.slice(0, 100)}" is not a range of versions`);
  if (suffix !== "" && !isTag(`1${suffix}`)) throw new PatternError(`"${suffix.slice(0, 140)}" can end no tag`);
  return {
    wants: `${range}${suffix === "" ? "" : ` with ${suffix}`}`,
    keyOf: (tag) => {
      if (!tag.endsWith(suffix)) return undefined;
      const text = tag.slice(0, tag.length - suffix.length);
      const version = parseSemver(text);
      return version !== undefined && isInRange(version, parsed, prerelease) ? [text, version.parts] : undefined;
    },
    compare: ([a], [b]) => compareVersions(String(a), String(b)),
    exactness: ([, parts]) => Number(parts),
  };
}

function regexOrder({ pattern, order }: Extract<FollowRule, { kind: "regex" }>, budget: StepBudget): TagOrder {
  let compiled: ReturnType<typeof compilePattern>;
  try {
    compiled = compilePattern(pattern);
  } catch (error) {
    throw error instanceof PatternError ? new PatternError(`the pattern cannot be used: ${error.message}`) : error;
  }
  if (order.length === 0 || order.length > 10) throw new PatternError("a pattern needs one to ten groups to order by");
  const unknown = order.find(({ group }) => !compiled.groups.includes(group));
  if (unknown !== undefined) throw new PatternError(`the pattern has no group (?<${unknown.group.slice(0, 40)}>…)`);
  return {
    wants: pattern,
    keyOf: (tag) => {
      const groups = compiled.match(tag, budget);
      if (groups === undefined) return undefined;
      const key = order.map(({ group, by }) => partOf(groups.get(group), by));
      return key.some((part) => part === undefined) ? undefined : (key as TagKey);
    },
    compare: (a, b) => {
      for (const [index, { by }] of order.entries()) {
        const [left = "", right = ""] = [a[index], b[index]];
        const difference = by === "semver" ? compareVersions(String(left), String(right)) : comparePart(left, right);
        if (difference !== 0) return difference;
      }
      return 0;
    },
  };
}

/** A group that is left out counts as the lowest; undefined where it is not what it is ordered by. */
function partOf(text: string | undefined, by: GroupOrder["by"]): number | string | undefined {
  if (by === "alphabetic") return text ?? "";
  if (by === "numeric") return text === undefined ? -1 : /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (text === undefined) return "0.0.0-0";
  return parseSemver(text) === undefined ? undefined : text;
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [parseSemver(a), parseSemver(b)];
  return left === undefined || right === undefined ? 0 : compareSemver(left, right);
}

function compareKeys(a: TagKey, b: TagKey): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = comparePart(a[at] ?? -1, b[at] ?? -1);
    if (difference !== 0) return difference;
  }
  return 0;
}

function comparePart(a: number | string, b: number | string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
