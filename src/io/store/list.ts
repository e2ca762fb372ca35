import { sql as fragment } from "kysely";
import type { EnvironmentName, ImageName, Lane, RebuildState } from "../../core/plan/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { Database } from "./database.ts";
import { timestamp, type ImageRemedy, type Pointer, type Promotion, type Rebuild } from "./schema.ts";

/** Where a page begins: after this row. */
export interface PageStart {
  readonly createdAt: Instant;
  readonly id: string;
}

interface PageFilter {
  readonly after?: PageStart | undefined;
  readonly limit: number;
  /** Only of these images; of all without it. */
  readonly images?: readonly ImageName[] | undefined;
}

export interface RebuildPageFilter extends PageFilter {
  readonly state?: RebuildState | undefined;
  readonly lane?: Lane | undefined;
}

export interface PromotionPageFilter extends PageFilter {
  readonly environment?: EnvironmentName | undefined;
  readonly kind?: Promotion["kind"] | undefined;
  readonly state?: Promotion["state"] | undefined;
}

/** Rows behind `after` in the order of the lists: the newest first, those of one moment by their id. */
const behind = ({ createdAt, id }: PageStart) =>
  fragment<boolean>`(created_at, id) < (${timestamp(createdAt)}::timestamptz, ${id}::uuid)`;

export function listQueries(db: Database) {
  return {
    /** Rebuilds, the newest first, from where a page ended. */
    loadRebuildPage: ({ after, limit, images, state, lane }: RebuildPageFilter): Promise<Rebuild[]> => {
      let query = db.sql.selectFrom("rebuild").selectAll();
      if (after !== undefined) query = query.where(behind(after));
      if (images !== undefined) query = query.where("image", "in", [...images, ""]);
      if (state !== undefined) query = query.where("state", "=", state);
      if (lane !== undefined) query = query.where("lane", "=", lane);
      return query.orderBy("createdAt", "desc").orderBy("id", "desc").limit(limit).execute();
    },

    /** Promotions, the newest first, from where a page ended. */
    loadPromotionPage: (filter: PromotionPageFilter): Promise<Promotion[]> => {
      const { after, limit, images, environment, kind, state } = filter;
      let query = db.sql.selectFrom("promotion").selectAll();
      if (after !== undefined) query = query.where(behind(after));
      if (images !== undefined) query = query.where("image", "in", [...images, ""]);
      if (environment !== undefined) query = query.where("environment", "=", environment);
      if (kind !== undefined) query = query.where("kind", "=", kind);
      if (state !== undefined) query = query.where("state", "=", state);
      return query.orderBy("createdAt", "desc").orderBy("id", "desc").limit(limit).execute();
    },

    /** What environments run of some images, and what is known to be wrong with those. */
    loadStandOf: async (
      images: readonly ImageName[],
    ): Promise<{ readonly pointers: readonly Pointer[]; readonly remedies: readonly ImageRemedy[] }> => {
      const names = [...images, ""];
      const [pointers, remedies] = await Promise.all([
        db.sql.selectFrom("pointer").selectAll().where("image", "in", names).execute(),
        db.sql.selectFrom("imageRemedy").selectAll().where("image", "in", names).execute(),
      ]);
      return { pointers, remedies };
    },

    /** Names of the images of which an environment runs something. */
    loadImagesIn: async (environment: EnvironmentName): Promise<ImageName[]> => {
      const rows = await db.sql
        .selectFrom("pointer")
        .select("image")
        .where("environment", "=", environment)
        .where("digest", "is not", null)
        .execute();
      return rows.map(({ image }) => image);
    },
  };
}
