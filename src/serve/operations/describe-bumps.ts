import { isSameVersion, spelledName, type BumpProposal } from "../../core/bump/index.ts";
import type { Bump } from "../../io/store/index.ts";
import type { BumpView, PackageDifferenceView, Why } from "../../operation/index.ts";

/** How a bump stands, with its newest pull request or commit. */
export function describeBump(bump: Bump): BumpView {
  return viewOf(bump, bump.proposals.at(-1));
}

/**
 * The pull requests and commits in the source of an image that have to do with a digest: those that brought a version which it has and the one before had not, and, for the one that is current, the newest of each package. The newest
 * come first.
 */
export function describeBumps(
  image: string,
  bumps: readonly Bump[],
  packages: readonly PackageDifferenceView[],
  isCurrent: boolean,
): Why["bumps"] {
  return bumps
    .flatMap((bump) =>
      bump.proposals.flatMap((proposal): Why["bumps"] => {
        const brought =
          (proposal.end === "merged" || proposal.end === "committed") &&
          packages.some((one) => isBrought(bump, proposal, one));
        const isNewest =
          isCurrent && proposal === bump.proposals.at(-1) && (proposal.end === null || proposal.end === "declined");
        if (!brought && !isNewest) return [];
        return [
          {
            ...viewOf(bump, proposal),
            closes: proposal.closes
              .filter((one) => one.image === image)
              .map(({ id, severity, exploited }) => ({ id, severity, exploited })),
            brought,
          },
        ];
      }),
    )
    .sort((a, b) => ((a.openedAt ?? "") < (b.openedAt ?? "") ? 1 : -1));
}

function isBrought({ type, package: name }: Bump, { moves }: BumpProposal, change: PackageDifferenceView): boolean {
  const { from } = change;
  return (
    change.type === type &&
    spelledName(type, change.name) === spelledName(type, name) &&
    from !== null &&
    moves.some((one) => isSameVersion(type, one.from, from))
  );
}

function viewOf(
  { type, package: name, repository, file, state, code }: Bump,
  proposal: BumpProposal | undefined,
): BumpView {
  const { url = null, moves = [], openedAt = null, endedAt = null, end = null } = proposal ?? {};
  return {
    package: name,
    type,
    repository,
    file,
    state,
    code: code ?? null,
    url,
    moves: [...moves],
    openedAt,
    endedAt,
    end,
  };
}
