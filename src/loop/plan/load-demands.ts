import type { Finding } from "../../core/advisory/index.ts";
import { formatPlatform } from "../../core/image/index.ts";
import { createDemands, isAskedFor, noDemands, type Demands } from "../../core/remedy/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import type { MatchedPlatform } from "./match-fleet.ts";

/** Who in an image asks for the package of a finding. */
export type DemandsOf = (platform: string, finding: Finding) => Demands;

type Known = Map<string, Demands>;

/** By image and finding: an image never changes what it asks for. */
const remembered = new WeakMap<Context["images"], Known>();
const mostRemembered = 50_000;
/** Images that are read anew in one go; the others are asked the next time, and until then nobody knows who asks. */
const mostRead = 50;

/** Reads who asks for what, for images that have findings whose cure depends on that. One that cannot be read now says so. */
export function createDemandLoader(
  ctx: Context,
): (image: string, digest: Digest, platforms: readonly MatchedPlatform[]) => Promise<DemandsOf> {
  const known: Known = remembered.get(ctx.images) ?? new Map();
  remembered.set(ctx.images, known);
  let reads = 0;
  return async (image, digest, platforms) => {
    const keyOf = (platform: string, { type, package: name, path }: Finding): string =>
      JSON.stringify([digest, platform, type, name, path]);
    const wanted = platforms.flatMap(({ platform, report }) =>
      report.findings.filter(isAskedFor).map((finding) => ({ platform, finding, key: keyOf(platform, finding) })),
    );
    if (wanted.some(({ key }) => !known.has(key)) && reads < mostRead) {
      reads += 1;
      try {
        const read = await ctx.images.read(ctx.repositoryOf(image), digest, ctx.signal);
        if (known.size + wanted.length > mostRemembered) known.clear();
        for (const { platform, tree } of read.platforms) {
          const demandsOf = createDemands(tree, platform.architecture);
          for (const one of wanted)
            if (one.platform === formatPlatform(platform)) known.set(one.key, demandsOf(one.finding));
        }
      } catch (error) {
        ctx.signal.throwIfAborted();
        ctx.log.warn({ err: error, image, digest }, "who asks for its packages could not be read");
      }
    }
    return (platform, finding) => (isAskedFor(finding) ? (known.get(keyOf(platform, finding)) ?? notRead) : noDemands);
  };
}

/** Nobody knows who asks before it was read. */
const notRead: Demands = { ...noDemands, gap: "it was not read yet who asks for it" };
