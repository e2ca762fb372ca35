import type { VersionScheme } from "../version/index.ts";
import type { AffectedRange } from "./types.ts";
import { parseVersion } from "./parse-version.ts";

/** One event of a range: exactly one of the four. OSV schema, affected[].ranges[].events[]. */
export interface RangeEvent {
  readonly kind: "introduced" | "fixed" | "last_affected" | "limit";
  readonly version: string;
}

/**
 * The events of one range as the ranges that are affected, lowest first. Events count in the order of their versions, whatever
 * order they are written in; where one range ends at a version and the next begins there, they are one. Where a version
 * cannot be read, they stay as they are written: what is compared with it is unknown. OSV schema, evaluation.
 */
export function rangesOfEvents(events: readonly RangeEvent[], scheme: VersionScheme | undefined): AffectedRange[] {
  const [first, second] = events;
  // What nearly all records have needs no order.
  if (events.length === 1 && first?.kind === "introduced") return [{ introduced: first.version }];
  if (events.length === 2 && first?.kind === "introduced" && first.version === "0" && second !== undefined) {
    if (second.kind === "fixed") return second.version === "0" ? [] : [{ introduced: "0", fixed: second.version }];
    if (second.kind === "last_affected" && second.version !== "0")
      return [{ introduced: "0", lastAffected: second.version }];
  }
  const placed = scheme === undefined ? undefined : placeEvents(events, scheme);
  if (placed === undefined || scheme === undefined) return pairAsWritten(events);
  // Where "0" is no version itself, there is none that is at most that.
  return pairInOrder(placed).filter(
    ({ lastAffected }) => lastAffected !== "0" || parseVersion(scheme, "0") !== undefined,
  );
}

/** All that happens at one version. */
interface Step {
  readonly text: string;
  introduced: boolean;
  fixed: boolean;
  lastAffected: boolean;
}

interface Placed {
  readonly steps: readonly Step[];
  readonly limit: { readonly text: string; isBefore(step: Step): boolean } | undefined;
}

function placeEvents(events: readonly RangeEvent[], scheme: VersionScheme): Placed | undefined {
  const read: { readonly event: RangeEvent; readonly version: unknown }[] = [];
  const isEndless = events.some(({ kind, version }) => kind === "limit" && version === "*");
  for (const event of events) {
    if (event.kind === "limit" && isEndless) continue;
    const version = event.version === "0" ? zero : parseVersion(scheme, event.version);
    if (version === undefined) return undefined;
    read.push({ event, version });
  }
  const compare = (a: unknown, b: unknown): number =>
    a === zero || b === zero ? Number(b === zero) - Number(a === zero) : scheme.compare(a, b);
  read.sort((a, b) => compare(a.version, b.version));
  const steps: Step[] = [];
  const versions = new Map<Step, unknown>();
  let last: Step | undefined;
  let limit: (typeof read)[number] | undefined;
  for (const one of read) {
    // An event of any limit counts: the highest one ends the range.
    if (one.event.kind === "limit") {
      limit = one;
      continue;
    }
    if (last === undefined || compare(versions.get(last), one.version) !== 0) {
      last = { text: one.event.version, introduced: false, fixed: false, lastAffected: false };
      steps.push(last);
      versions.set(last, one.version);
    }
    if (one.event.kind === "introduced") last.introduced = true;
    else if (one.event.kind === "fixed") last.fixed = true;
    else last.lastAffected = true;
  }
  if (limit === undefined) return { steps, limit: undefined };
  const end = limit;
  return {
    steps,
    limit: { text: end.event.version, isBefore: (step) => compare(end.version, versions.get(step)) <= 0 },
  };
}

const zero = Symbol("every earlier version");

function pairInOrder({ steps, limit }: Placed): AffectedRange[] {
  const ranges: AffectedRange[] = [];
  let open: string | undefined;
  const end = (close: Omit<AffectedRange, "introduced">): void => {
    if (open !== undefined) ranges.push({ introduced: open, ...close });
    open = undefined;
  };
  for (const step of steps) {
    if (limit?.isBefore(step) === true) break;
    // What ends and begins at one version goes on there.
    if (step.introduced && (step.fixed || (step.lastAffected && open !== undefined))) continue;
    if (step.fixed) end({ fixed: step.text });
    else if (step.introduced) open ??= step.text;
    if (step.lastAffected) end({ lastAffected: step.text });
  }
  end(limit === undefined ? {} : { limit: limit.text });
  return ranges;
}

/** Each `introduced` begins a range, the next `fixed` or `last_affected` ends it. */
function pairAsWritten(events: readonly RangeEvent[]): AffectedRange[] {
  const ranges: AffectedRange[] = [];
  let introduced: string | undefined;
  for (const { kind, version } of events) {
    if (kind === "introduced") {
      if (introduced !== undefined) ranges.push({ introduced });
      introduced = version;
    } else if (introduced !== undefined && kind !== "limit") {
      ranges.push(kind === "fixed" ? { introduced, fixed: version } : { introduced, lastAffected: version });
      introduced = undefined;
    }
  }
  if (introduced !== undefined) ranges.push({ introduced });
  return ranges;
}
