import { parseReference } from "../../core/image/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { BaseError } from "../followed-bases.ts";
import type { SourceUse } from "../sources.ts";
import { loadParent } from "./load-base.ts";
import { plannedBases, type MakeOrder } from "./made.ts";

/** An image that another is made of, at the digest that is built on. */
export interface PinnedUse {
  readonly use: SourceUse;
  readonly digest: Digest;
  readonly repository: Repository;
}

/** The digest of everything that an image is made of. Throws BASE_UNKNOWN for what is not known yet. */
export async function pinUses(ctx: Context, uses: readonly SourceUse[], rebuild: MakeOrder): Promise<PinnedUse[]> {
  const believed = await ctx.believedBases();
  const planned = plannedBases(rebuild.detail["bases"]);
  const pinned: PinnedUse[] = [];
  for (const use of uses) {
    const digest =
      use.own === undefined
        ? (planned.get(use.key) ?? believed.get(use.key)?.believed?.digest)
        : await loadParent(ctx, use.own, rebuild.parentRebuilds);
    if (digest === undefined) {
      throw new BaseError(
        "BASE_UNKNOWN",
        `${rebuild.image}: nothing is known yet of ${use.name}, which it is made of`,
        {
          hint: "`tidemill doctor` says what keeps it away.",
          retry: true,
        },
      );
    }
    const repository = use.own === undefined ? ctx.baseRepository(parseReference(use.name)) : ctx.repositoryOf(use.own);
    pinned.push({ use, digest, repository });
  }
  return pinned;
}
