import { labelsOf, type Config } from "../../core/config/index.ts";
import type { ImageRemedy, Pointer, Store } from "../../io/store/index.ts";
import { formatInstant, type OperationHandlers, type OperationOutput } from "../../operation/index.ts";
import { formatCursor, parseNameCursor, parseRowCursor } from "./cursor.ts";

type Handlers = Pick<OperationHandlers, "images" | "rebuilds" | "promotions">;
type ImageView = OperationOutput<"images">["items"][number];

export interface ListsDeps {
  readonly config: Config;
  readonly store: Pick<Store, "loadRebuildPage" | "loadPromotionPage" | "loadStandOf" | "loadImagesIn">;
}

const kinds = { promoted: "forward", "rolled-back": "rollback" } as const;

/** Lists in pages: each asks for one row more than it gives, to know whether there are more. Throws BAD_INPUT for a cursor that is none. */
export function createLists({ config, store }: ListsDeps): Handlers {
  const names = Object.keys(config.images).sort();
  const labels = new Map(names.map((name) => [name, labelsOf(config, name)]));
  const borneBy = (wanted: readonly string[] | undefined, image: string | undefined): readonly string[] | undefined => {
    if (wanted === undefined) return image === undefined ? undefined : [image];
    const some = names.filter((name) => labels.get(name)?.some((label) => wanted.includes(label)) === true);
    return image === undefined ? some : some.filter((name) => name === image);
  };
  const at = (moment: number | null): string | null => (moment === null ? null : formatInstant(moment));

  return {
    images: async ({ limit, cursor, labels: wanted, name: part, recipe, environment }) => {
      const after = parseNameCursor(cursor);
      const there = environment === undefined ? undefined : new Set(await store.loadImagesIn(environment));
      const matching = (borneBy(wanted, undefined) ?? names).filter(
        (name) =>
          (after === undefined || name > after) &&
          (part === undefined || name.includes(part)) &&
          (recipe === undefined || config.images[name]?.recipe === recipe) &&
          there?.has(name) !== false,
      );
      const page = matching.slice(0, limit);
      const { pointers, remedies } = await store.loadStandOf(page);
      const pointersOf = Map.groupBy(pointers, ({ image }) => image);
      const remedyOf = new Map(remedies.map((row) => [row.image, row]));
      const items = page.map((name) => describe(config, name, pointersOf.get(name) ?? [], remedyOf.get(name)));
      return { items, next: matching.length > limit ? formatCursor([page.at(-1) ?? ""]) : null };
    },

    rebuilds: async ({ limit, cursor, labels: wanted, image, state, lane }) => {
      const images = borneBy(wanted, image);
      const rows = await store.loadRebuildPage({
        after: parseRowCursor(cursor),
        limit: limit + 1,
        images,
        state,
        lane,
      });
      const items = rows.slice(0, limit).map((row) => ({
        id: row.id,
        image: row.image,
        state: row.state,
        lane: row.lane,
        candidate: row.candidate,
        attempts: row.attempts,
        createdAt: formatInstant(row.createdAt),
        notBefore: formatInstant(row.notBefore),
        finishedAt: at(row.finishedAt),
        failure: row.lastError,
      }));
      return { items, next: nextOf(rows, limit) };
    },

    promotions: async ({ limit, cursor, labels: wanted, image, environment, kind, state }) => {
      const rows = await store.loadPromotionPage({
        after: parseRowCursor(cursor),
        limit: limit + 1,
        images: borneBy(wanted, image),
        environment,
        kind: kind === undefined ? undefined : kinds[kind],
        state,
      });
      const items = rows.slice(0, limit).map((row) => ({
        id: row.id,
        image: row.image,
        environment: row.environment,
        from: row.previous,
        to: row.digest,
        kind: row.kind === "forward" ? ("promoted" as const) : ("rolled-back" as const),
        state: row.state,
        by: row.by,
        reason: row.reason,
        createdAt: formatInstant(row.createdAt),
        confirmedAt: at(row.confirmedAt),
      }));
      return { items, next: nextOf(rows, limit) };
    },
  };
}

function nextOf(rows: readonly { readonly createdAt: number; readonly id: string }[], limit: number): string | null {
  const last = rows[limit - 1];
  return rows.length > limit && last !== undefined ? formatCursor([last.createdAt, last.id]) : null;
}

function describe(
  config: Config,
  name: string,
  pointers: readonly Pointer[],
  remedy: ImageRemedy | undefined,
): ImageView {
  const image = config.images[name];
  return {
    name,
    recipe: image?.recipe ?? "packages",
    repository: image?.repository ?? name,
    parents: image?.recipe === "packages" && image.parent !== undefined ? [image.parent] : [],
    platforms: image?.platforms ?? [],
    labels: labelsOf(config, name),
    environments: config.environments.map((environment) => {
      const pointer = pointers.find((one) => one.environment === environment.name);
      const since = pointer?.since ?? null;
      return {
        name: environment.name,
        digest: pointer?.digest ?? null,
        since: since === null ? null : formatInstant(since),
      };
    }),
    findings: {
      state: remedy?.state ?? "unknown",
      cures: remedy?.cures.length ?? 0,
      asOf: remedy === undefined ? null : formatInstant(remedy.at),
    },
  };
}
