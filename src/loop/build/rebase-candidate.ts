import { AppError, messageOf, type Digest } from "../../lib/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import type { Made, MadeSame, MakeRequest } from "./made.ts";
import { bytesOf, isSameContent, layersOf } from "./push-built.ts";
import type { Rebaser } from "./rebase-image.ts";

/** What an image would be made of now. */
export interface RebaseInput {
  /** As its Dockerfile names it. */
  readonly base: { readonly name: string; readonly digest: Digest; readonly repository: Repository };
  /** What the annotation of the result calls the base. */
  readonly baseName: string;
  readonly origin: CandidateOrigin;
}

export type RebaseAttempt =
  | { readonly kind: "rebased"; readonly made: Made | MadeSame }
  /** Another remedy is needed, and why. */
  | { readonly kind: "not"; readonly why: string };

/** Puts the layers of what the image is onto its new base, where nothing else changed and that is shown to be safe. Throws what an abort throws; whatever else goes wrong is a reason to build. */
export async function rebaseCandidate(
  ctx: Context,
  rebaser: Rebaser,
  { rebuild, causes, previous, repository, signal }: MakeRequest,
  { base, baseName, origin }: RebaseInput,
): Promise<RebaseAttempt> {
  const known = previous === undefined ? undefined : await ctx.store.loadImageDigest(rebuild.image, previous);
  const before = known?.detail["origin"] as CandidateOrigin | undefined;
  if (previous === undefined || known === undefined || before === undefined) return not("it was never built");
  if (causes.some(({ cause }) => cause.kind !== "base" && cause.kind !== "parent"))
    return not("more than its base changed");
  if (known.recipeKey !== rebuild.recipeKey || before.source !== origin.source) return not("its source changed");
  const others = Object.entries(origin.bases).find(
    ([name, digest]) => name !== base.name && before.bases[name] !== digest,
  );
  if (others !== undefined) return not(`${others[0]}, of which it takes files, moved`);
  const old = before.bases[base.name];
  if (old === undefined) return not(`it was not built on ${base.name}`);
  try {
    const [was, is] = [
      await ctx.images.read(base.repository, old, signal),
      await ctx.images.read(base.repository, base.digest, signal),
    ];
    // Made anew with nothing new in it.
    if (isSameContent(was, is)) return { kind: "rebased", made: { kind: "same", digest: previous, origin } };
    const outcome = await rebaser.rebase(
      {
        image: { source: repository, reference: previous },
        oldBase: { source: base.repository, reference: old },
        base: { source: base.repository, reference: base.digest },
        baseName,
        sink: repository,
        mountFrom: base.repository.registry === repository.registry ? [base.repository.repository] : [],
      },
      signal,
    );
    if (outcome.kind === "unchanged") return { kind: "rebased", made: { kind: "same", digest: previous, origin } };
    if (outcome.kind === "refused")
      return not(
        outcome.reasons
          .slice(0, 3)
          .map(({ message }) => message)
          .join("; "),
      );
    const image = await ctx.images.read(repository, outcome.digest, signal);
    const made: Made = {
      kind: "made",
      digest: outcome.digest,
      bytes: bytesOf(image),
      bytesUploaded: outcome.uploaded,
      layers: image.platforms.flatMap(layersOf),
      warnings: outcome.notes,
      origin: {
        ...origin,
        remedy: "rebase",
        why: `only ${base.name} moved, and its layers stand on the new one as they are`,
      },
    };
    return { kind: "rebased", made };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    return not(messageOf(error));
  }
}

function not(why: string): RebaseAttempt {
  return { kind: "not", why };
}
