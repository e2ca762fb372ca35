import type { Pointer } from "../../io/store/index.ts";
import { formatInstant, type Status } from "../../operation/index.ts";
import type { Findings } from "./load-findings.ts";
import type { InFlight } from "./rebuilds-in-flight.ts";

type Exposure = Status["images"][number]["environments"][number]["exposure"];

const mostIds = 500;
const unknown: Exposure = { state: "unknown", advisories: [], since: null };

export interface ExposureFacts {
  /** What the feeds say of what the environment runs; undefined where they say nothing. */
  readonly findings: Findings | undefined;
  /** Whether every feed was read lately and is young: only then is no finding a good word. */
  readonly isVouched: boolean;
  readonly inFlight: readonly InFlight[];
}

/**
 * What is open against an environment: what the feeds find in what it runs, those first for which there is a cure; `since` is when the first was both public and there. Where
 * the feeds or the inventory are in doubt, what feeds said of the rebuilds that have not arrived counts too, and finding nothing is `unknown`. A changelog's word counts for nothing.
 */
export function findExposure(pointer: Pointer | undefined, facts: ExposureFacts): Exposure {
  if (pointer === undefined || pointer.digest === null) return unknown;
  const { findings, isVouched, inFlight } = facts;
  const open = findings?.open ?? [];
  const isCertain = isVouched && findings?.isComplete === true;
  const curable = new Set(open.filter((one) => one.isCurable).flatMap(({ ids }) => ids));
  for (const id of isCertain ? [] : confirmedBy(inFlight, pointer)) curable.add(id);
  const others = new Set(open.flatMap(({ ids }) => ids).filter((id) => !curable.has(id)));
  const advisories = [...[...curable].sort(), ...[...others].sort()].slice(0, mostIds);
  if (advisories.length === 0) return isCertain ? { ...unknown, state: "none" } : unknown;
  const since = open
    .flatMap(({ published }) => published ?? [])
    .reduce((first, published) => Math.min(first, Math.max(published, pointer.since ?? published)), Infinity);
  return { state: "open", advisories, since: since === Infinity ? null : formatInstant(since) };
}

function confirmedBy(inFlight: readonly InFlight[], { digest }: Pointer): string[] {
  return inFlight
    .filter(({ rebuild }) => rebuild.candidate === null || rebuild.candidate !== digest)
    .flatMap(({ causes }) => causes)
    .flatMap((cause) => (cause.kind === "package" ? (cause.confirmed ?? []) : []));
}
