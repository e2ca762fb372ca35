import type { GitopsConfig } from "../../core/config/index.ts";
import { printable } from "../../lib/index.ts";
import type {
  Applied,
  DeployMeans,
  DeployRequest,
  DeployWorld,
  Place,
  TargetEdit,
  TargetForge,
  TargetPullRequest,
} from "./types.ts";

/** A change that is proposed to people: a branch of ours, and a pull request from it. */
export interface Proposals {
  /** What would be done, as a step of a plan. */
  readonly describe: (place: Place) => string;
  /** Proposes what `edit` makes of the files, until the branch has it. */
  readonly propose: (
    request: DeployRequest,
    edit: TargetEdit,
    refused: () => Applied | undefined,
    means: DeployMeans,
  ) => Promise<Applied>;
  /** Closes what is proposed, with a comment that says why, and takes the branch away. */
  readonly withdraw: (place: Place, comment: string, signal: AbortSignal) => Promise<void>;
}

/**
 * Proposals of a deployment; undefined where it pushes. There is at most one for each image: what is newer takes its place in the same pull request. Which attempt it is of stands in its text, so that after a crash, and where a person has
 * closed it, the same is known as before. Each call throws what Git and forges throw.
 */
export function createProposals(
  config: GitopsConfig,
  world: Pick<DeployWorld, "branches" | "forgeOf">,
  titleOf: (request: DeployRequest) => string,
): Proposals | undefined {
  const { pullRequest, url, branch: base, author } = config;
  const forge = pullRequest === undefined ? undefined : world.forgeOf(config);
  if (pullRequest === undefined || forge === undefined) return undefined;
  const branchesOf = ({ deployment, image }: Place) => ({
    head: pullRequest.branch.replaceAll("{deployment}", deployment).replaceAll("{image}", image),
    base,
  });

  const withdraw = async (place: Place, comment: string, signal: AbortSignal): Promise<void> => {
    const branches = branchesOf(place);
    const found = await forge.find(branches, signal);
    if (found?.state === "open" && markOf(found) !== undefined) await forge.close(found.number, comment, signal);
    if (found !== undefined) await world.branches.withdraw({ url, head: branches.head, email: author.email }, signal);
  };

  return {
    describe: (place) => `proposes it from ${branchesOf(place).head} to ${base} by a pull request`,
    withdraw,
    propose: async (request, edit, refused, means) => {
      const { signal, confirmOurs } = means;
      const branches = branchesOf(request);
      const before = await forge.find(branches, signal);
      const isOwn = before !== undefined && markOf(before) === request.id;
      if (isOwn && before.state === "closed")
        return { kind: "failed", reason: `${before.url} was closed${byWhom(before)}` };
      const files = { url, branch: base, paths: config.files, head: branches.head };
      const end = await world.branches.propose(files, edit, signal);
      const stop = refused();
      if (stop !== undefined) return stop;
      if (end.kind === "nothing") {
        await withdraw(request, `${base} names it already.`, signal);
        return { kind: "applied" };
      }
      if (end.kind === "foreign") {
        const { commit, author: who } = end.by;
        return {
          kind: "stale",
          reason: `${branches.head} has the commit ${commit.slice(0, 12)} by ${who}, which is none of ours`,
        };
      }
      const withinMs = pullRequest.within;
      if (isOwn && before.state === "merged")
        return {
          kind: "pending",
          reason: `${before.url} was merged${byWhom(before)}, and ${base} does not show it yet`,
          withinMs,
        };
      await confirmOurs();
      const { url: at } = await ensure(
        forge,
        branches,
        before,
        textOf(request, titleOf(request)),
        pullRequest.labels,
        signal,
      );
      return { kind: "pending", reason: `${at} waits to be merged`, withinMs };
    },
  };
}

/** Has the pull request say what is proposed: the one that is open, else a new one. */
async function ensure(
  forge: TargetForge,
  branches: { readonly head: string; readonly base: string },
  before: TargetPullRequest | undefined,
  text: { readonly title: string; readonly body: string },
  labels: readonly string[],
  signal: AbortSignal,
): Promise<TargetPullRequest> {
  if (before?.state !== "open") return forge.open(branches, { ...text, labels }, signal);
  // A person may have put words of his own to the same proposal.
  if (markOf(before) !== markOf(text)) await forge.update(before.number, text, signal);
  return before;
}

function byWhom({ endedBy }: TargetPullRequest): string {
  return endedBy === undefined ? "" : ` by ${printable(endedBy).slice(0, 100)}`;
}

const mark = /^<!-- tidemill-deployment: (\S+) \S+ (\S+) -->\s*$/m;

/** The attempt that a proposal is of. */
function markOf({ body }: { readonly body: string }): string | undefined {
  return mark.exec(body)?.[2];
}

/** The reason stands as it is: nothing in it is a mention, a link or HTML. */
function textOf(request: DeployRequest, title: string): { readonly title: string; readonly body: string } {
  const { deployment, image, id, digest, reference, previous } = request;
  const reason = request.reason
    .split("\n")
    .map((line) => `    ${printable(line)}`)
    .join("\n");
  const from = previous === undefined ? "" : `\nin place of \`${previous.digest}\``;
  const body = `Brings \`${image}\` to\n\`${digest}\`${from}.\n\nWhy:\n\n${reason}\n\nThe image: \`${reference}\`\n\nMerge it, and it is deployed; close it, and the environment goes back.\n\n<!-- tidemill-deployment: ${deployment} ${image} ${id} -->\n`;
  return { title, body };
}
