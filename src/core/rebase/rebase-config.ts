import { canonicalJson, type Digest } from "../../lib/index.ts";
import type { ImageConfig } from "../image/index.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the history says of the merge layer; by it a later rebase knows the layer as ours. */
export const mergeHistory = "tidemill: package database merged with that of the new base";

/** Keys of `config` whose value is a table of its own: each row is somebody's. */
const tables = new Set(["Labels", "ExposedPorts", "Volumes"]);
/** Of one build, and nobody's that runs the image. */
const ofABuild = new Set(["container", "container_config", "parent", "id"]);
const own = new Set(["config", "rootfs", "history", "created", "architecture", "os", "variant"]);

/**
 * The config of an image on its new base: what it had unchanged from the old base is as in the new one, what it set itself stays. `from` is the number of layers that were the
 * old base's; an earlier layer of ours is left out where `leaveLast` says so. `created` is the newer of the new base's and
 * the image's own, and nothing says when the rebase was. image-spec, config.md.
 */
export function rebaseConfig(
  image: ImageConfig,
  old: ImageConfig,
  base: ImageConfig,
  { from, leaveLast }: { readonly from: number; readonly leaveLast: boolean },
): ImageConfig {
  const kept = image.rootfs.diff_ids.slice(from, leaveLast ? -1 : undefined);
  const created = newest(image.created, base.created);
  const history = spliceHistory(image, old, base, { from, leaveLast });
  const others = mergeFields(
    without(image as unknown as Fields, own, ofABuild),
    without(old as unknown as Fields, own, ofABuild),
    without(base as unknown as Fields, own, ofABuild),
  );
  const { architecture, os, variant } = base;
  const config = mergeExecution(image.config ?? {}, old.config ?? {}, base.config ?? {});
  return {
    ...others,
    ...(created === undefined ? {} : { created }),
    architecture,
    os,
    ...(variant === undefined ? {} : { variant }),
    config,
    rootfs: { type: "layers", diff_ids: [...base.rootfs.diff_ids, ...kept] },
    ...(history === undefined ? {} : { history }),
  };
}

function without(fields: Fields, ...names: readonly ReadonlySet<string>[]): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([key]) => !names.some((set) => set.has(key))));
}

function mergeExecution(image: object, old: object, base: object): NonNullable<ImageConfig["config"]> {
  const [mine, was, now] = [image as Fields, old as Fields, base as Fields];
  const rest = (fields: Fields): Fields => without(fields, tables, new Set(["Env"]));
  const merged: Record<string, unknown> = { ...mergeFields(rest(mine), rest(was), rest(now)) };
  const env = mergeEnv(mine["Env"], was["Env"], now["Env"]);
  if (env.length > 0) merged["Env"] = env;
  for (const table of tables) {
    const rows = mergeFields(fieldsOf(mine[table]), fieldsOf(was[table]), fieldsOf(now[table]));
    if (Object.keys(rows).length > 0) merged[table] = rows;
  }
  return merged;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

/** Fields of three sides: the image's where it is not the old base's. */
function mergeFields(image: Fields, old: Fields, base: Fields): Fields {
  const merged: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(base), ...Object.keys(image)])) {
    const inherited = equal(image[key], old[key]);
    const value = inherited ? base[key] : image[key];
    if (value !== undefined) merged[key] = value;
  }
  return merged;
}

/** Variables in the new base's order, then the image's own; the last line of a name counts. */
function mergeEnv(image: unknown, old: unknown, base: unknown): string[] {
  const read = (value: unknown): Fields => {
    const lines = Array.isArray(value) ? value.filter((line) => typeof line === "string") : [];
    return Object.fromEntries(lines.map((line) => [line.split("=", 1)[0] ?? line, line]));
  };
  return Object.values(mergeFields(read(image), read(old), read(base))) as string[];
}

/** An absent field and an empty one are the same to an engine. */
function equal(a: unknown, b: unknown): boolean {
  const plain = (value: unknown): string =>
    value === undefined || value === null || value === "" || value === false ? "" : canonicalJson(value);
  return plain(a) === plain(b);
}

/** The later of two times, RFC 3339; what is none of them is older than any. */
export function newest(a: string | undefined, b: string | undefined): string | undefined {
  const time = (text: string | undefined): number => {
    const parsed = text === undefined ? Number.NaN : Date.parse(text);
    return Number.isNaN(parsed) ? Number.NEGATIVE_INFINITY : parsed;
  };
  return time(b) > time(a) ? b : (a ?? b);
}

interface Splice {
  readonly from: number;
  readonly leaveLast: boolean;
}

/** The new base's history with the image's own after it; none where one of them does not speak of every layer. */
function spliceHistory(
  image: ImageConfig,
  old: ImageConfig,
  base: ImageConfig,
  { from, leaveLast }: Splice,
): ImageConfig["history"] {
  const mine = image.history ?? [];
  if (layersIn(mine) !== image.rootfs.diff_ids.length || layersIn(base.history) !== base.rootfs.diff_ids.length)
    return undefined;
  const start = historyOfBase(mine, old.history ?? [], from);
  const rest = mine.slice(start, leaveLast ? -1 : undefined);
  return [...(base.history ?? []), ...rest];
}

/** The config with a merge layer on top. */
export function addMergeLayer(config: ImageConfig, diffId: Digest): ImageConfig {
  const { created, history, rootfs } = config;
  const entry = { ...(created === undefined ? {} : { created }), created_by: mergeHistory };
  return {
    ...config,
    rootfs: { type: "layers", diff_ids: [...rootfs.diff_ids, diffId] },
    ...(history === undefined ? {} : { history: [...history, entry] }),
  };
}

function layersIn(history: ImageConfig["history"]): number {
  return (history ?? []).filter((entry) => entry.empty_layer !== true).length;
}

/** How many entries are the old base's: all of its own where the image's begin with them, else those up to its last layer. */
function historyOfBase(
  image: NonNullable<ImageConfig["history"]>,
  old: NonNullable<ImageConfig["history"]>,
  from: number,
): number {
  const begins = old.every(
    (entry, at) => equal(entry.created_by, image[at]?.created_by) && equal(entry.empty_layer, image[at]?.empty_layer),
  );
  if (begins && layersIn(old) === from) return old.length;
  let layers = 0;
  let at = 0;
  while (at < image.length && layers < from) {
    if (image[at]?.empty_layer !== true) layers += 1;
    at += 1;
  }
  return at;
}

/** Whether the last layer of an image is one that a rebase of ours has put there. */
export function endsWithMerge(image: ImageConfig, from: number): boolean {
  const history = image.history ?? [];
  const last = history.at(-1);
  return (
    image.rootfs.diff_ids.length > from &&
    layersIn(history) === image.rootfs.diff_ids.length &&
    last?.empty_layer !== true &&
    last?.created_by === mergeHistory
  );
}
