import type { Instant } from "../../lib/index.ts";
import type { BumpFinding, BumpMove } from "./types.ts";

/** What became of a proposal: people merged it, or closed it; nobody needed it any more; or nobody was asked. */
export type ProposalEnd = "merged" | "declined" | "ended" | "committed";

/** A pull request that brought a package to another version, or a commit that did. Times are in ISO 8601, and ours: when it was seen. */
export interface BumpProposal {
  /** Of the pull request; null for a commit. */
  readonly url: string | null;
  readonly moves: readonly BumpMove[];
  /** What it closes; at most 200, the worst first. */
  readonly closes: readonly Pick<BumpFinding, "id" | "image" | "severity" | "exploited">[];
  readonly openedAt: string;
  readonly endedAt: string | null;
  readonly end: ProposalEnd | null;
}

/** How a bump stands after a step. */
export interface BumpStanding {
  readonly state: string;
  readonly url: string | null;
  readonly moves: readonly BumpMove[];
  readonly findings: readonly BumpFinding[];
  /** When the step before was taken: a pull request that we never saw open was opened then. */
  readonly before: Instant;
}

const mostProposals = 50;
const mostFindings = 200;
const ends: readonly string[] = ["merged", "declined", "ended", "committed"] satisfies ProposalEnd[];

/** The proposals of a bump after a step that was taken at `now`, the oldest first. The same step again changes nothing. */
export function recordProposal(
  had: readonly BumpProposal[],
  standing: BumpStanding,
  now: Instant,
): readonly BumpProposal[] {
  const { state, url, moves } = standing;
  const last = had.at(-1);
  const isOpen = last?.endedAt === null;
  const closes = standing.findings
    .slice(0, mostFindings)
    .map(({ id, image, severity, exploited }) => ({ id, image, severity, exploited }));
  const own = { url: state === "committed" ? null : url, moves, closes };
  if (state === "proposed" && url !== null) {
    if (isOpen && last.url === url) return [...had.slice(0, -1), { ...last, moves, closes }];
    return cut([...close(had, "ended", now), { ...own, openedAt: iso(now), endedAt: null, end: null }]);
  }
  if (!isEnd(state)) return had;
  if (isOpen) return close(had, state, now);
  const isKnown = state === "ended" || (last?.end === state && (state === "committed" || last.url === url));
  if (isKnown || (state !== "committed" && url === null)) return had;
  return cut([
    ...had,
    { ...own, openedAt: iso(state === "committed" ? now : standing.before), endedAt: iso(now), end: state },
  ]);
}

function close(had: readonly BumpProposal[], end: ProposalEnd, now: Instant): readonly BumpProposal[] {
  const last = had.at(-1);
  return last?.endedAt === null ? [...had.slice(0, -1), { ...last, endedAt: iso(now), end }] : had;
}

function cut(list: readonly BumpProposal[]): readonly BumpProposal[] {
  return list.slice(-mostProposals);
}

function isEnd(state: string): state is ProposalEnd {
  return ends.includes(state);
}

function iso(at: Instant): string {
  return new Date(at).toISOString();
}
