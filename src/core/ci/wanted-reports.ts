/** How far something is. */
export type ReportState = "pending" | "success" | "failure" | "inactive";

/** Something that a forge is to be told of a commit. */
export interface WantedReport {
  readonly key: string;
  readonly image: string;
  readonly kind: "status" | "deployment";
  readonly detail: {
    readonly commit: string;
    readonly environment: string;
    readonly state: ReportState;
    /** Name of the status, or of the forge's environment. */
    readonly name: string;
    readonly description: string;
  };
  /** State and words, in one text. */
  readonly wanted: string;
}

export interface ReportFacts {
  readonly image: string;
  /** The commit that a digest was built from; undefined for what was built from none. */
  readonly commitOf: (digest: string) => string | undefined;
  /** The newest last. */
  readonly verifications: readonly {
    readonly environment: string;
    readonly digest: string;
    readonly state: ReportState;
  }[];
  /** What an environment came to run, or was to: the newest first. */
  readonly moves: readonly {
    readonly id: string;
    readonly environment: string;
    /** Which of several running systems of that environment. */
    readonly system: string | undefined;
    readonly digest: string;
    readonly state: ReportState;
  }[];
  /** Keys of what a forge was told before. */
  readonly known: ReadonlySet<string>;
}

/** So many commits of an environment are told of, the newest: what is older is history when a fleet begins to tell. */
const mostCommits = 3;
const mostKnown = 20;

/**
 * What a forge is to be told of an image, by what stands in the store: of each environment how the newest verification of a commit went, and the deployment that is the newest; one that was told of and is not the newest any more is
 * inactive, unless it failed.
 */
export function wantedReports(
  facts: ReportFacts,
  asked: { readonly statuses: boolean; readonly deployments: boolean },
): WantedReport[] {
  return [...(asked.statuses ? wantedStatuses(facts) : []), ...(asked.deployments ? wantedDeployments(facts) : [])];
}

function wantedStatuses({ image, commitOf, verifications }: ReportFacts): WantedReport[] {
  const told = new Map<string, WantedReport>();
  const commits = new Map<string, number>();
  for (const { environment, digest, state } of verifications.toReversed()) {
    const commit = commitOf(digest);
    if (commit === undefined) continue;
    const key = `status:${image}:${environment}:${commit}`;
    const count = commits.get(environment) ?? 0;
    if (told.has(key) || count >= mostCommits) continue;
    commits.set(environment, count + 1);
    const words = { pending: "is verified", success: "passed", failure: "failed", inactive: "" };
    const name = `tidemill/${image}/${environment}`;
    const description = `${short(digest)} ${words[state]}`.trim();
    told.set(key, reportOf("status", key, image, { commit, environment, state, name, description }));
  }
  return [...told.values()].toReversed();
}

function wantedDeployments({ image, commitOf, moves, known }: ReportFacts): WantedReport[] {
  const places = Map.groupBy(moves, ({ environment, system }) => JSON.stringify([environment, system]));
  const systems = new Map<string, Set<string | undefined>>();
  for (const { environment, system } of moves)
    systems.set(environment, (systems.get(environment) ?? new Set()).add(system));
  return [...places.values()].toReversed().flatMap((all) => {
    const [newest] = all;
    return all
      .slice(0, mostKnown)
      .flatMap((move): WantedReport[] => {
        const { id, environment, system, digest } = move;
        const key = `deployment:${id}`;
        const commit = commitOf(digest);
        const isNewest = move === newest;
        if (commit === undefined || (!isNewest && !known.has(key))) return [];
        const state = isNewest || move.state === "failure" ? move.state : "inactive";
        if (state === "inactive" && !known.has(key)) return [];
        const isOne = (systems.get(environment)?.size ?? 0) < 2 || system === undefined;
        const name = `${environment}/${image}${isOne ? "" : `/${system}`}`;
        const description = `${image} ${short(digest)} in ${environment}`;
        return [reportOf("deployment", key, image, { commit, environment, state, name, description })];
      })
      .toReversed();
  });
}

function reportOf(
  kind: WantedReport["kind"],
  key: string,
  image: string,
  detail: WantedReport["detail"],
): WantedReport {
  return { key, image, kind, detail, wanted: `${detail.state}: ${detail.description}` };
}

function short(digest: string): string {
  return digest.slice(digest.indexOf(":") + 1).slice(0, 12);
}
