import type { TagConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { AppError, messageOf, type Digest } from "../../lib/index.ts";
import type { Applied, DeployMeans, DeployTarget, DeployWorld, Place, TargetRepository } from "./types.ts";

const tries = 4;

type Moved = { readonly kind: "moved" } | { readonly kind: "foreign"; readonly found: Digest };

/**
 * A tag in another repository or registry: the digest is copied with its evidence, never rebuilt, and keeps a tag of its own there. What was sent before a break is not sent again. A tag that names what none of our attempts brought is
 * somebody else's, and stays. Registries that know If-Match leave no gap between looking and moving; with others a late write is put right at the next watch.
 */
export function createTagTarget(config: TagConfig, world: DeployWorld): DeployTarget {
  const repositoryOf = ({ image }: Pick<Place, "image">): TargetRepository =>
    world.repository(config.to.replaceAll("{image}", image));
  const tagOf = ({ environment }: Place): string => config.tag ?? environment;

  const move = async (place: Place, to: Digest, from: readonly Digest[], means: DeployMeans): Promise<Moved> => {
    const repository = repositoryOf(place);
    const tag = tagOf(place);
    for (let attempt = 1; ; attempt += 1) {
      const found = (await repository.resolve(tag, means.signal))?.digest;
      if (found === to) return { kind: "moved" };
      const isKnown = found === undefined || from.length === 0 || from.includes(found) || means.isOurs(found);
      if (!isKnown && !means.forced) return { kind: "foreign", found };
      await means.confirmOurs();
      try {
        await repository.tag(to, tag, { ifMatch: found ?? "absent", signal: means.signal });
        return { kind: "moved" };
      } catch (error) {
        // Somebody was quicker: look again at what they made of it.
        if (!(error instanceof AppError) || error.code !== "TAG_MOVED" || attempt >= tries) throw error;
      }
    }
  };

  return {
    kind: "tag",
    observes: true,
    plan: (request) => {
      const to = `${repositoryOf(request).name}:${tagOf(request)}`;
      const with_ = config.evidence ? " with its evidence" : "";
      return Promise.resolve({ steps: [`copies ${request.reference}${with_} to ${to}`] });
    },
    apply: async (request, means): Promise<Applied> => {
      const { image, digest, previous } = request;
      const repository = repositoryOf(request);
      try {
        await means.confirmOurs();
        await world.copyImage(image, digest, repository.name, { evidence: config.evidence, signal: means.signal });
        const moved = await move(request, digest, previous === undefined ? [] : [previous.digest], means);
        if (moved.kind === "moved") return { kind: "applied" };
        const reason = `${repository.name}:${tagOf(request)} names ${moved.found}, which is none of ours`;
        return { kind: "stale", reason };
      } catch (error) {
        return unreachable(error, means.signal);
      }
    },
    observe: async (place, signal): Promise<Observed> => {
      const repository = repositoryOf(place);
      try {
        const found = (await repository.resolve(tagOf(place), signal))?.digest;
        if (found !== undefined) return { kind: "running", digests: [found] };
        return { kind: "absent", reason: `there is no ${repository.name}:${tagOf(place)}` };
      } catch (error) {
        return { kind: "unknown", reason: unreachable(error, signal).reason };
      }
    },
    undo: async (request, means) => {
      const { previous, digest } = request;
      if (previous === undefined) return { kind: "undone" };
      try {
        await move(request, previous.digest, [digest], means);
        return { kind: "undone" };
      } catch (error) {
        return { kind: "again", reason: unreachable(error, means.signal).reason };
      }
    },
  };
}

/** A registry that does not do it says nothing of the image. An abort, and what is no registry's error, is thrown on. */
function unreachable(error: unknown, signal: AbortSignal): { readonly kind: "unreachable"; readonly reason: string } {
  signal.throwIfAborted();
  if (!(error instanceof AppError)) throw error;
  return { kind: "unreachable", reason: messageOf(error) };
}
