import { approvalQueries } from "./approval.ts";
import type { Database } from "./database.ts";
import { holdQueries } from "./hold.ts";
import { imageDigestQueries } from "./image-digest.ts";
import type { KeyedCause } from "./plan.ts";
import { promotionQueries } from "./promotion.ts";
import { quarantineQueries } from "./quarantine.ts";
import { rebuildQueries } from "./rebuild.ts";
import type {
  Approval,
  Hold,
  ImageDigest,
  Pointer,
  Promotion,
  Quarantine,
  Rebuild,
  RebuildStep,
  Verification,
} from "./schema.ts";
import { verificationQueries } from "./verification.ts";

/** All that a decision about a rebuild's next step looks at. */
export interface PromotionFacts {
  readonly rebuild: Rebuild;
  readonly causes: readonly KeyedCause[];
  readonly steps: readonly RebuildStep[];
  readonly candidate: ImageDigest | undefined;
  /** Of this rebuild. */
  readonly verifications: readonly Verification[];
  /** Of its image. */
  readonly pointers: readonly Pointer[];
  /** Of its image, newest first, at most a hundred. */
  readonly promotions: readonly Promotion[];
  readonly holds: readonly Hold[];
  readonly quarantines: readonly Quarantine[];
  /** Of the candidate. */
  readonly approvals: readonly Approval[];
}

export function promotionFactsQueries(db: Database) {
  const rebuilds = rebuildQueries(db);
  return {
    loadPromotionFacts: async (id: string): Promise<PromotionFacts | undefined> => {
      const rebuild = await rebuilds.loadRebuild(id);
      if (rebuild === undefined) return undefined;
      const { image, candidate } = rebuild;
      const [causes, steps, digest, verifications, pointers, promotions, holds, quarantines, approvals] =
        await Promise.all([
          rebuilds.loadCauses([id]),
          rebuilds.loadSteps(id),
          candidate === null ? undefined : imageDigestQueries(db).loadImageDigest(image, candidate),
          verificationQueries(db).loadVerifications({ rebuilds: [id] }),
          promotionQueries(db).loadPointers(image),
          promotionQueries(db).loadPromotions({ image }),
          holdQueries(db).loadHolds(image),
          quarantineQueries(db).loadQuarantines(image),
          candidate === null ? [] : approvalQueries(db).loadApprovals({ image, digests: [candidate] }),
        ]);
      return {
        rebuild,
        causes: causes.get(id) ?? [],
        steps,
        candidate: digest,
        verifications,
        pointers,
        promotions,
        holds,
        quarantines,
        approvals,
      };
    },
  };
}
