import { z } from "zod";
import { isTrainBroken } from "../../core/plan/index.ts";
import type { Pointer, Promotion } from "../../io/store/index.ts";
import { isDigest, type Digest } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { rollBack } from "./roll-back.ts";

const departure = z.object({ name: z.string(), mates: z.record(z.string(), z.string()) });

/**
 * Has those that moved with a train go back where one that was to come with them could not be confirmed, or was taken back. They are not the reason and may come again, with the next train. Can be done again.
 */
export async function tendTrains(ctx: Context): Promise<void> {
  for (const { name: environment, trains } of ctx.config.environments) {
    if (trains.length === 0) continue;
    const pointers = (await ctx.store.loadPointers()).filter((one) => one.environment === environment);
    const moves = await ctx.store.loadPromotionsById(pointers.flatMap(({ promotion }) => promotion ?? []));
    for (const pointer of pointers) {
      const move = moves.get(pointer.promotion ?? "");
      const train = departure.safeParse(move?.detail["train"]);
      if (move?.kind !== "forward" || !train.success || pointer.digest === null) continue;
      const fates = await Promise.all(
        Object.entries(train.data.mates).map(([image, digest]) =>
          isDigest(digest) ? loadFate(ctx, { image, environment, digest }, pointers, moves) : unknownFate,
        ),
      );
      if (!isTrainBroken(fates)) continue;
      const names = Object.keys(train.data.mates).join(", ");
      const reason = `the train ${train.data.name} goes back: not all of ${names} could be confirmed`;
      const { image, digest } = pointer;
      const outcome = await rollBack(ctx, {
        image,
        environment,
        by: "tidemill",
        reason,
        leaving: digest,
        mayReturn: true,
      });
      if (outcome.kind === "refused")
        ctx.log.error({ image, environment, reasons: outcome.reasons }, "it could not go back with its train");
    }
  }
}

const unknownFate = Promise.resolve({ arrived: false, takenBack: false, failed: false });

async function loadFate(
  { store }: Context,
  mate: { readonly image: string; readonly environment: string; readonly digest: Digest },
  pointers: readonly Pointer[],
  moves: ReadonlyMap<string, Promotion>,
): Promise<{ readonly arrived: boolean; readonly takenBack: boolean; readonly failed: boolean }> {
  const { image, environment, digest } = mate;
  const [promotions, rebuilds, quarantines] = await Promise.all([
    store.loadPromotions({ image, environment, digest, limit: 100 }),
    store.loadRebuilds({ image, candidate: digest, limit: 100 }),
    store.loadQuarantines(image),
  ]);
  const arrived = promotions.some(({ kind, state }) => kind === "forward" && state === "confirmed");
  const pointer = pointers.find((one) => one.image === image);
  const back = moves.get(pointer?.promotion ?? "");
  const ours = quarantines.some((one) => one.digest === digest && one.who === "tidemill");
  const takenBack = ours && back?.kind === "rollback" && back.previous === digest;
  const failed = promotions[0]?.state === "conflict" || rebuilds[0]?.state === "failed";
  return { arrived, takenBack, failed };
}
