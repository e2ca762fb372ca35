import type { Digest, Instant } from "../../lib/index.ts";
import type { HeldFinding } from "../advisory/index.ts";
import type { ExposureFact, SeverityLevel } from "./types.ts";

/** A digest that an environment named for a while. */
export interface PlacedDigest {
  /** Of the move that put it there: later moves have greater numbers. */
  readonly turn: number;
  readonly promotion: string;
  readonly digest: Digest;
  readonly since: Instant;
  /** Undefined while it is named. */
  readonly until: Instant | undefined;
  /** Keys of what it holds on its platforms. */
  readonly inventories: readonly string[];
  /** When the running systems were seen to use it; undefined where no deployment is of it. */
  readonly running: Running | undefined;
}

/** `waits`: not all of them were ever seen to. */
export type Running =
  | { readonly kind: "seen"; readonly at: Instant; readonly source: string }
  | { readonly kind: "waits"; readonly reason: string };

/** A finding of a package, and what clocks need to know of its advisory. */
export interface ExposedFinding extends HeldFinding {
  readonly published: Instant | undefined;
  readonly severity: SeverityLevel;
  readonly aliases: readonly string[];
}

/** A digest of the image: when it was built, and when it passed its verification for the environment. */
export interface KnownDigest {
  readonly digest: Digest;
  readonly rebuild: string | undefined;
  readonly builtAt: Instant;
  readonly verifiedAt: Instant | undefined;
  readonly inventories: readonly string[];
  /** Whether it is on its way to the environment. */
  readonly isCandidate: boolean;
}

/** What is known of one environment of one image. */
export interface ExposureHistory {
  /** In the order of their turns. */
  readonly placements: readonly PlacedDigest[];
  readonly findings: readonly ExposedFinding[];
  /** Inventories of which all could be read and was compared with the feeds: only they say that something is gone. */
  readonly known: ReadonlySet<string>;
  readonly digests: readonly KnownDigest[];
  readonly retiredAt: Instant | undefined;
  /** What was detected there before: it stays a fact, also where a clock that was set since makes it look as if we had known too late. */
  readonly remembered: readonly { readonly advisory: string; readonly turn: number; readonly at: Instant }[];
  /** Since when somebody's word sets a finding aside; undefined where nobody's does. */
  readonly settled: (advisory: string, name: string) => Instant | undefined;
}

/** All that is known of one advisory in one environment of one image. */
export interface CollectedExposure {
  readonly advisory: string;
  readonly aliases: readonly string[];
  readonly severity: SeverityLevel;
  readonly facts: readonly ExposureFact[];
}

/** The facts of every advisory that ever touched what an environment named, by the advisory's id and sorted by it. */
export function collectFacts(history: ExposureHistory): CollectedExposure[] {
  const groups = Map.groupBy(history.findings, ({ advisory }) => advisory);
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([advisory, findings]) => ({
      advisory,
      aliases: [...new Set(findings.flatMap(({ aliases }) => aliases))].sort(),
      severity: worstOf(findings),
      facts: [
        ...feedFacts(advisory, findings),
        ...rememberedFacts(advisory, history),
        ...placeFacts(findings, history),
        ...candidateFacts(findings, history),
      ],
    }));
}

const order: readonly SeverityLevel[] = ["critical", "high", "unknown", "medium", "low", "none"];

function worstOf(findings: readonly ExposedFinding[]): SeverityLevel {
  return order.find((level) => findings.some(({ severity }) => severity === level)) ?? "unknown";
}

function feedFacts(advisory: string, findings: readonly ExposedFinding[]): ExposureFact[] {
  return findings.flatMap(({ published, fixedSince }): ExposureFact[] => [
    ...(published === undefined ? [] : [{ kind: "published" as const, at: published, source: advisory, turn: 0 }]),
    ...(fixedSince === undefined
      ? []
      : [{ kind: "fix-available" as const, at: fixedSince, source: "first seen in the feeds", turn: 0 }]),
  ]);
}

function rememberedFacts(advisory: string, { remembered }: ExposureHistory): ExposureFact[] {
  return remembered
    .filter((one) => one.advisory === advisory)
    .map(({ at, turn }) => ({ kind: "detected", at, source: "match", turn }));
}

/** What each digest that the environment named says: that it has it, that it has not, or nothing. */
function placeFacts(findings: readonly ExposedFinding[], history: ExposureHistory): ExposureFact[] {
  const facts: ExposureFact[] = [];
  for (const placement of history.placements) {
    const held = findings.filter((one) => isHeld(one, placement));
    if (held.length > 0) facts.push(...heldFacts(held, placement));
    else if (isKnown(placement.inventories, history)) facts.push(...cleanFacts(placement, history));
  }
  const { retiredAt } = history;
  const last = history.placements.at(-1);
  if (last === undefined) return facts;
  const settled = settledAt(findings, last, history);
  if (settled !== undefined) facts.push({ kind: "closed", at: settled, source: "vex", turn: last.turn, end: "vex" });
  if (retiredAt !== undefined)
    facts.push({ kind: "closed", at: retiredAt, source: "configuration", turn: last.turn, end: "retired" });
  return facts;
}

function isHeld(
  { inventories, firstSeen, endedAt }: ExposedFinding,
  { since, until, ...placed }: PlacedDigest,
): boolean {
  return (
    inventories.some((key) => placed.inventories.includes(key)) &&
    (until === undefined || until <= since || firstSeen < until) &&
    (endedAt === undefined || endedAt > since)
  );
}

/** When the environment had it and we knew: from each time that some package of it did, to the time when none did any more. */
function heldFacts(held: readonly ExposedFinding[], { since, until, turn }: PlacedDigest): ExposureFact[] {
  const facts: ExposureFact[] = [];
  let end: { readonly at: Instant; readonly kind: "withdrawn" | "changed" } | undefined;
  const close = (): void => {
    if (end !== undefined && (until === undefined || end.at < until))
      facts.push({ kind: "closed", at: end.at, source: "feed", turn, end: end.kind });
  };
  let reaches = -Infinity;
  for (const one of [...held].sort((a, b) => a.firstSeen - b.firstSeen)) {
    const start = Math.max(since, one.firstSeen);
    if (start > reaches) {
      close();
      facts.push({ kind: "detected", at: start, source: "match", turn });
    }
    const endsAt = one.endedAt === undefined ? Infinity : Math.max(one.endedAt, start);
    if (endsAt < reaches) continue;
    reaches = endsAt;
    end = endsAt === Infinity ? undefined : { at: endsAt, kind: one.endKind ?? "changed" };
  }
  close();
  return facts;
}

/** A digest without it came: it ends what was open as soon as all that runs was seen to be that. */
function cleanFacts(
  { digest, since, turn, promotion, running }: PlacedDigest,
  history: ExposureHistory,
): ExposureFact[] {
  const source = `promotion ${promotion}`;
  const facts: ExposureFact[] = [
    ...stepFacts(history, digest, turn),
    { kind: "promoted", at: since, source, turn, digest },
  ];
  if (running === undefined) facts.push({ kind: "closed", at: since, source, turn, digest, end: "promoted" });
  if (running?.kind !== "seen") return facts;
  const { at, source: by } = running;
  facts.push({ kind: "deployed", at, source: by, turn, digest });
  facts.push({ kind: "closed", at, source: by, turn, digest, end: "deployed" });
  return facts;
}

function stepFacts({ digests }: ExposureHistory, digest: Digest, turn: number): ExposureFact[] {
  const own = digests.find((one) => one.digest === digest);
  if (own === undefined) return [];
  const source = own.rebuild === undefined ? "registry" : `rebuild ${own.rebuild}`;
  const built: ExposureFact = { kind: "built", at: own.builtAt, source, turn, digest };
  if (own.verifiedAt === undefined) return [built];
  return [built, { kind: "verified", at: own.verifiedAt, source: "verification", turn, digest }];
}

/** What is on its way and has it no more. */
function candidateFacts(findings: readonly ExposedFinding[], history: ExposureHistory): ExposureFact[] {
  const turn = (history.placements.at(-1)?.turn ?? 0) + 1;
  return history.digests
    .filter(({ isCandidate, inventories }) => isCandidate && isKnown(inventories, history))
    .filter(
      ({ inventories }) =>
        !findings.some((one) => one.endedAt === undefined && one.inventories.some((key) => inventories.includes(key))),
    )
    .flatMap(({ digest }) => stepFacts(history, digest, turn));
}

/** Whether all that is held now is set aside, and since when. */
function settledAt(
  findings: readonly ExposedFinding[],
  last: PlacedDigest,
  { settled }: ExposureHistory,
): Instant | undefined {
  const held = findings.filter((one) => one.endedAt === undefined && isHeld(one, last));
  const moments = held.map((one) => settled(one.advisory, one.package));
  if (moments.length === 0 || moments.includes(undefined)) return undefined;
  return Math.max(...held.map((one, at) => Math.max(moments[at] ?? 0, one.firstSeen, last.since)));
}

function isKnown(inventories: readonly string[], { known }: ExposureHistory): boolean {
  return inventories.length > 0 && inventories.every((key) => known.has(key));
}
