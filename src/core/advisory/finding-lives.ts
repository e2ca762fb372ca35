import type { Instant } from "../../lib/index.ts";

/** A digest that an environment named for a while. */
export interface Placement {
  readonly since: Instant;
  /** Undefined while it is named. */
  readonly until: Instant | undefined;
  /** The rebuild whose promotion ended it; undefined where a person's hand or nothing did. */
  readonly replacedBy: string | undefined;
  /** Keys of what it holds on its platforms. */
  readonly inventories: readonly string[];
}

/** A finding of a package that some of the inventories hold. */
export interface HeldFinding {
  readonly advisory: string;
  readonly package: string;
  /** Inventories that hold it. */
  readonly inventories: readonly string[];
  readonly firstSeen: Instant;
  readonly fixedSince: Instant | undefined;
  readonly endedAt: Instant | undefined;
  readonly endKind: "withdrawn" | "changed" | undefined;
}

export type FindingEnd =
  /** Another digest took the place of the one that had it. */
  | { readonly kind: "replaced"; readonly at: Instant; readonly rebuild: string | undefined }
  /** Its advisory was taken back, or no longer names the version. */
  | { readonly kind: "withdrawn" | "changed"; readonly at: Instant }
  /** Somebody said that it does not matter here. */
  | { readonly kind: "vex"; readonly at: Instant }
  /** The image is no longer declared. */
  | { readonly kind: "retired"; readonly at: Instant };

/** One life of a finding in one environment of one image: what comes back has another one. */
export interface FindingLife {
  readonly advisory: string;
  readonly package: string;
  /** When the environment held it and we knew. */
  readonly opened: Instant;
  readonly fixedSince: Instant | undefined;
  /** Undefined while it is open. */
  readonly end: FindingEnd | undefined;
}

export interface LifeFacts {
  /** Of one environment of one image, in order. */
  readonly placements: readonly Placement[];
  readonly findings: readonly HeldFinding[];
  /** Inventories of which all could be read and was compared with the feeds: only they say that something is gone. */
  readonly known: ReadonlySet<string>;
  readonly retiredAt?: Instant | undefined;
  /** Since when a finding does not count by the word of VEX; undefined where it does. */
  readonly settled?: (advisory: string, name: string) => Instant | undefined;
}

/**
 * The lives of the findings of one environment of one image, by package and advisory and in order of time. A life goes on over digests that still hold the package in a version
 * that is touched, and over digests of which nobody knows what they hold: it is never closed by not knowing.
 */
export function findingLives(facts: LifeFacts): FindingLife[] {
  const groups = new Map<string, HeldFinding[]>();
  for (const finding of facts.findings) {
    const key = `${finding.package}\n${finding.advisory}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [finding]);
    else group.push(finding);
  }
  const lives = [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, group]) => livesOf(group, facts));
  return lives;
}

function livesOf(group: readonly HeldFinding[], facts: LifeFacts): FindingLife[] {
  const lives: FindingLife[] = [];
  let open: FindingLife | undefined;
  const close = (end: FindingEnd): void => {
    if (open !== undefined) lives.push({ ...open, end });
    open = undefined;
  };
  for (const [at, placement] of facts.placements.entries()) {
    const held = group
      .filter(({ inventories }) => inventories.some((key) => placement.inventories.includes(key)))
      .filter(({ firstSeen }) => placement.until === undefined || firstSeen < placement.until)
      .filter(({ endedAt }) => endedAt === undefined || endedAt > placement.since)
      .sort((a, b) => a.firstSeen - b.firstSeen);
    const isKnown = placement.inventories.length > 0 && placement.inventories.every((key) => facts.known.has(key));
    if (held.length === 0 && isKnown)
      close({ kind: "replaced", at: placement.since, rebuild: facts.placements[at - 1]?.replacedBy });
    for (const one of held) {
      open ??= {
        advisory: one.advisory,
        package: one.package,
        opened: Math.max(placement.since, one.firstSeen),
        fixedSince: one.fixedSince,
        end: undefined,
      };
      open = { ...open, fixedSince: open.fixedSince ?? one.fixedSince };
      if (one.endedAt !== undefined && (placement.until === undefined || one.endedAt < placement.until))
        if (!held.some((other) => other !== one && coversMoment(other, one.endedAt ?? 0)))
          close({ kind: one.endKind ?? "changed", at: one.endedAt });
    }
  }
  const [first] = group;
  const settled = first && facts.settled?.(first.advisory, first.package);
  if (settled !== undefined && open !== undefined) close({ kind: "vex", at: Math.max(settled, open.opened) });
  if (facts.retiredAt !== undefined) close({ kind: "retired", at: facts.retiredAt });
  return open === undefined ? lives : [...lives, open];
}

/** Whether another version of the package, in the same digest, has it at that moment. */
function coversMoment({ firstSeen, endedAt }: HeldFinding, at: Instant): boolean {
  return firstSeen <= at && (endedAt === undefined || endedAt > at);
}
