import {
  findingLives,
  ranPlacements,
  type FindingLife,
  type RanPlacement,
  type SeenRunning,
} from "../../core/advisory/index.ts";
import { deploymentsOf } from "../../core/config/index.ts";
import { loadFeeds } from "../../io/feeds/index.ts";
import type { ImageRemedy } from "../../io/store/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { formatInstant, type FindingLifeView } from "../../operation/index.ts";

/** The findings of an image in one environment, with what the feeds say of each. */
export interface EnvironmentLives {
  readonly environment: string;
  /** What ran there, as its deployments were seen to run it; what it named where it has none. */
  readonly placements: readonly RanPlacement[];
  readonly lives: readonly FindingLife[];
  /** By advisory and package. */
  readonly details: ReadonlyMap<string, Pick<FindingLifeView, "aliases" | "severity" | "exploited" | "published">>;
}

const mostLives = 1000;

/** The lives of an image's findings, environment by environment. */
export async function loadLives(ctx: Context, image: string): Promise<EnvironmentLives[]> {
  const [{ environments, findings, known }, seen, [remedies], row, { signals }] = await Promise.all([
    ctx.store.loadFindingHistory(image),
    loadSeenRunning(ctx, image),
    ctx.store.loadImageRemedies(image),
    ctx.store.loadImage(image),
    loadFeeds(ctx.feeds),
  ]);
  const settled = settledBy(remedies);
  const details = new Map(
    findings.map(({ advisory, package: name, detail }) => [
      `${advisory} ${name}`,
      {
        aliases: [...detail.aliases],
        severity: detail.severity?.level ?? ("unknown" as const),
        exploited: [advisory, ...detail.aliases].some((id) => signals.exploitedOf(id) !== undefined),
        published: detail.published === null ? null : formatInstant(detail.published),
      },
    ]),
  );
  return environments.map(({ environment, placements: named }) => {
    const placements = ranPlacements(named, deploymentsOf(ctx.config, image, environment), seen);
    const lives = findingLives({ placements, findings, known, retiredAt: row?.retiredAt ?? undefined, settled });
    return { environment, placements, details, lives };
  });
}

/** What deployments were seen to run of an image, the newest thousand times. */
async function loadSeenRunning({ store }: Context, image: string): Promise<SeenRunning[]> {
  const attempts = await store.loadDeployments({ image, states: ["confirmed"], limit: 1000 });
  return attempts.flatMap(({ name, digest, confirmedAt }) =>
    confirmedAt === null ? [] : [{ name, digest, at: confirmedAt }],
  );
}

/** What environments had while they ran a digest, or lost by its coming, the newest first. */
export function describeLives(environments: readonly EnvironmentLives[], digest: Digest): FindingLifeView[] {
  const found = environments.flatMap(({ environment, placements, lives, details }) => {
    const spells = placements.filter(({ digests }) => digests.includes(digest));
    return lives
      .filter(({ opened, end }) =>
        spells.some(({ since, until }) => opened < (until ?? Infinity) && (end?.at ?? Infinity) >= since),
      )
      .map((life): FindingLifeView => {
        const { advisory, package: name, opened, fixedSince, end } = life;
        const told = details.get(`${advisory} ${name}`);
        return {
          id: advisory,
          aliases: told?.aliases ?? [],
          package: name,
          environment,
          severity: told?.severity ?? "unknown",
          exploited: told?.exploited ?? false,
          published: told?.published ?? null,
          detected: formatInstant(opened),
          fixAvailable: fixedSince === undefined ? null : formatInstant(fixedSince),
          closed:
            end === undefined
              ? null
              : {
                  at: formatInstant(end.at),
                  kind: end.kind,
                  rebuild: end.kind === "replaced" ? (end.rebuild ?? null) : null,
                },
        };
      });
  });
  return found.sort((a, b) => (a.detected < b.detected ? 1 : a.detected > b.detected ? -1 : 0)).slice(0, mostLives);
}

/** Since when somebody's word sets a finding aside, by what the newest pass found. */
function settledBy(row: ImageRemedy | undefined): (advisory: string, name: string) => Instant | undefined {
  const since = new Map<string, Instant>();
  for (const { ids, packages, remedy } of row?.cures ?? []) {
    if (remedy.kind !== "accepted") continue;
    for (const id of ids) for (const name of packages) since.set(`${id} ${name}`, remedy.since ?? row?.at ?? 0);
  }
  return (advisory, name) => since.get(`${advisory} ${name}`);
}
