import { resolve } from "node:path";
import type { GitopsConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import {
  editManifest,
  findManifestPlaces,
  ManifestError,
  type ManifestImage,
  type ManifestPlace,
} from "../../core/manifest/index.ts";
import { AppError, messageOf, printable, shortDigest, type Digest } from "../../lib/index.ts";
import type {
  Applied,
  DeployMeans,
  DeployRequest,
  DeployTarget,
  DeployWorld,
  Place,
  TargetCluster,
  TargetCommit,
  TargetEdit,
  TargetTip,
} from "./types.ts";
import { createProposals } from "./gitops-proposals.ts";
import type { FluxConfig } from "./flux.ts";
import { askLive, bothRun } from "./live.ts";

const trailer = "Tidemill-Deployment";

/** What the files name: every place, with its file. */
type Named = ManifestPlace & { readonly path: string };

/** Why nothing was changed. */
type Refused = { readonly kind: "stale"; readonly reason: string };

/**
 * Files of a Git repository that something else makes so: Argo CD, Flux, a pipeline, a cron job. Only the bytes of the digest are changed, in one commit that is pushed and never forced. Our commits are known by a trailer and their
 * committer: what anybody else's commit made the files name stays until a person decides.
 */
export function createGitopsTarget(config: GitopsConfig, world: DeployWorld): DeployTarget {
  const source = { url: config.url, branch: config.branch, paths: config.files };
  const signing = config.signingKey === undefined ? {} : { signingKey: resolve(world.home, config.signingKey) };
  let opened: TargetCluster | undefined;
  const fluxCluster = ({ kubeconfig, context }: FluxConfig): TargetCluster =>
    (opened ??= world.cluster({
      kubeconfig: kubeconfig === undefined ? undefined : resolve(world.home, kubeconfig),
      context,
    }));
  const wantedOf = (place: Place) => ({ image: place.image, repository: world.pullName(place) });

  const find = (place: Place, { files }: TargetTip): Named[] => {
    const missing = config.files.find((path) => (path.endsWith("/") ? !hasBelow(files, path) : !files.has(path)));
    if (missing !== undefined) {
      const what = missing.endsWith("/") ? "no manifest below" : "no file";
      throw new ManifestError("UNREADABLE", `there is ${what} ${printable(missing)} on the branch ${config.branch}`, {
        hint: "Look at `files:` of this deployment.",
      });
    }
    const wanted = wantedOf(place);
    return [...files].flatMap(([path, bytes]) => {
      try {
        return findManifestPlaces({ path, bytes }, wanted).map((one) => ({ ...one, path }));
      } catch (error) {
        // What only lies in a folder of ours, and says nothing of the image, may be written as it likes.
        if (config.files.includes(path) || !(error instanceof ManifestError) || speaksOf(bytes, wanted)) throw error;
        return [];
      }
    });
  };

  /** Makes the files name `to`, where they name one of `from` or what a commit of ours brought; `refused` says why it did not. */
  const editor = (
    request: DeployRequest,
    to: Digest,
    from: readonly Digest[] | "any",
    means: DeployMeans,
  ): { readonly edit: TargetEdit; readonly refused: () => Refused | undefined } => {
    let refused: Refused | undefined;
    const edit: TargetEdit = async (tip) => {
      refused = undefined;
      const places = find(request, tip);
      if (places.length === 0) throw nowhere(request, wantedOf(request).repository);
      if (places.every(({ digest }) => digest === to)) return undefined;
      const known = from === "any" || means.forced ? undefined : new Set<Digest | undefined>(from);
      for (const place of known === undefined ? [] : places) {
        if (place.digest === to) continue;
        if (known?.has(place.digest) === true) {
          // What was brought already and is not there any more was taken out. A way back asks nobody.
          const taken = to === request.digest && request.kind === "forward" ? await tip.lastCommitOf(to) : undefined;
          refused = taken && refuse(request, place, taken, config.author.email);
        } else {
          const brought = place.digest === undefined ? undefined : await tip.lastCommitOf(place.digest);
          refused = refuse(request, place, brought, config.author.email);
        }
        if (refused !== undefined) return undefined;
      }
      const named = new Set(places.map(({ path }) => path));
      const files = new Map(
        [...tip.files].flatMap(([path, bytes]) =>
          named.has(path) ? [[path, editManifest({ path, bytes }, wantedOf(request), to)] as const] : [],
        ),
      );
      await means.confirmOurs();
      return { files, message: describe(request, to), author: config.author, ...signing };
    };
    return { edit, refused: () => refused };
  };

  const change = async (
    request: DeployRequest,
    to: Digest,
    from: readonly Digest[] | "any",
    means: DeployMeans,
  ): Promise<Applied> => {
    const { edit, refused } = editor(request, to, from, means);
    await world.branches.edit(source, edit, means.signal);
    return refused() ?? { kind: "applied" };
  };

  const proposals = createProposals(config, world, titleOf);

  const observeBranch = async (place: Place, signal: AbortSignal): Promise<Observed> => {
    try {
      const places = find(place, await world.branches.read(source, signal));
      if (places.length === 0) return { kind: "absent", reason: nowhere(place, wantedOf(place).repository).message };
      const bare = places.find(({ digest }) => digest === undefined);
      if (bare !== undefined)
        return { kind: "unknown", reason: `${printable(bare.path)}:${bare.line}:${bare.column}: it names no digest` };
      return { kind: "running", digests: [...new Set(places.flatMap(({ digest }) => digest ?? []))] };
    } catch (error) {
      return { kind: "unknown", reason: unreachable(error, signal).reason };
    }
  };

  return {
    kind: "gitops",
    observes: true,
    plan: async (request, signal) => {
      try {
        const places = find(request, await world.branches.read(source, signal));
        if (places.length === 0) throw nowhere(request, wantedOf(request).repository);
        const where = places.map(({ path, line }) => `${printable(path)}:${line}`).join(", ");
        const last = proposals?.describe(request) ?? `commits and pushes it to ${config.branch}`;
        return { steps: [`writes ${request.digest} to ${where}`, last] };
      } catch (error) {
        return { steps: [`commits ${request.digest} to ${config.branch}`], problem: unreachable(error, signal).reason };
      }
    },
    apply: async (request, means) => {
      const { previous } = request;
      try {
        // The first takes over what is there.
        const from = previous === undefined ? "any" : [previous.digest];
        if (proposals === undefined) return await change(request, request.digest, from, means);
        const { edit, refused } = editor(request, request.digest, from, means);
        return await proposals.propose(request, edit, refused, means);
      } catch (error) {
        return unreachable(error, means.signal);
      }
    },
    observe: async (place, signal): Promise<Observed> => {
      const branch = await observeBranch(place, signal);
      if (config.live === undefined || branch.kind !== "running") return branch;
      const { repository } = wantedOf(place);
      return bothRun(branch, await askLive(config.live, place, { repository, cluster: fluxCluster }, signal));
    },
    undo: async (request, means) => {
      const { previous, digest } = request;
      try {
        if (proposals !== undefined) {
          await proposals.withdraw(request, `It is not wanted any more: ${printable(request.reason)}`, means.signal);
          return { kind: "undone" };
        }
        if (previous === undefined) return { kind: "undone" };
        // What somebody else made of it meanwhile stays.
        await change(request, previous.digest, [digest], { ...means, forced: false });
        return { kind: "undone" };
      } catch (error) {
        return { kind: "again", reason: unreachable(error, means.signal).reason };
      }
    },
  };
}

function hasBelow(files: ReadonlyMap<string, unknown>, folder: string): boolean {
  return [...files.keys()].some((path) => path.startsWith(folder));
}

/** Whether the text of a file has the name of an image's repository, or a marker of it. */
function speaksOf(bytes: Uint8Array, { image, repository }: ManifestImage): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return text.includes(repository) || text.includes(`tidemill: ${image}`);
}

function nowhere({ image }: Place, repository: string): ManifestError {
  return new ManifestError("UNSURE", `no file of \`files:\` names ${image}: ${repository} is looked for`, {
    hint: `Mark its digest with \`# tidemill: ${image}\`, or say by \`registry:\` under which name it is pulled there.`,
  });
}

/** Why what stands there is not ours to change; undefined where an earlier commit of ours brought it. */
function refuse(
  request: DeployRequest,
  { path, line, digest }: Named,
  brought: TargetCommit | undefined,
  email: string,
): Refused | undefined {
  const at = `${printable(path)}:${line} names ${digest ?? "no digest"}`;
  if (brought === undefined) return { kind: "stale", reason: `${at}, which no commit of ours brought` };
  const by = `${brought.commit.slice(0, 12)} by ${brought.author}`;
  const own = readTrailer(brought.message);
  if (own === undefined || brought.committerEmail !== email)
    return { kind: "stale", reason: `${at} since the commit ${by}, which is none of ours` };
  const isHere = own.deployment === request.deployment && own.image === request.image;
  if (isHere && own.fence > request.fence)
    return { kind: "stale", reason: `${at} since a later worker's commit ${by}: its fence is ${own.fence}` };
  return undefined;
}

function titleOf({ image, environment, kind, digest }: DeployRequest, to: Digest = digest): string {
  const verb = to !== digest || kind === "rollback" ? "goes back to" : "is";
  return `${image} ${verb} ${shortDigest(to)} in ${environment}`;
}

/** The message of a commit: what came where, why, and whose word it was. */
function describe(request: DeployRequest, to: Digest): string {
  const { deployment, image, id, fence, reason, digest } = request;
  const why = to === digest ? printable(reason) : `Undoes ${digest}, which was not taken.`;
  return `${titleOf(request, to)}\n\n${why}\n\n${to}\n\n${trailer}: ${deployment} ${image} ${fence} ${id}\n`;
}

interface Trailer {
  readonly deployment: string;
  readonly image: string;
  readonly fence: number;
}

/** The trailer of the last paragraph: what is quoted further up is a reason. */
function readTrailer(message: string): Trailer | undefined {
  const last =
    message
      .trimEnd()
      .split(/\n\s*\n/)
      .at(-1) ?? "";
  const line = last.split("\n").find((one) => one.startsWith(`${trailer}: `));
  const [, deployment, image, fence] = /^\S+: (\S+) (\S+) (\d{1,15}) \S+$/.exec(line?.trim() ?? "") ?? [];
  if (deployment === undefined || image === undefined) return undefined;
  return { deployment, image, fence: Number(fence) };
}

/** A repository that does not take it says nothing of the image. An abort, and what is no error of Git or of a file, is thrown on. */
function unreachable(error: unknown, signal: AbortSignal): { readonly kind: "unreachable"; readonly reason: string } {
  signal.throwIfAborted();
  if (!(error instanceof AppError)) throw error;
  const { hint } = error;
  return { kind: "unreachable", reason: hint === undefined ? messageOf(error) : `${messageOf(error)}. ${hint}` };
}
