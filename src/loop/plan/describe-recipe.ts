import { renewedPackages, parseDockerfile } from "../../core/dockerfile/index.ts";
import { packagesImage, recipeKey, sourceOf, type BuildSource, type UpstreamImage } from "../../core/config/index.ts";
import type { InstalledPackage } from "../../core/inventory/index.ts";
import type { PlanBase, PlanImage } from "../../core/plan/index.ts";
import type { Image, ImageDigest } from "../../io/store/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { BelievedBase } from "../believed-bases.ts";
import type { CandidateOrigin, Context } from "../context.ts";
import { coolDownOf } from "../followed-bases.ts";
import { currentRecipeKey } from "../recipe-key.ts";
import { baseUpstream, hasSource, stageOf, type ImageSource } from "../sources.ts";
import type { InventoryShares } from "./inventory-shares.ts";
import type { FoundSource } from "./load-sources.ts";

/** What is known of an image beside its configuration. */
interface RecipeFacts {
  readonly source: FoundSource | undefined;
  readonly current: ImageDigest | undefined;
  readonly bases: ReadonlyMap<string, BelievedBase>;
  /** As the last plan declared it. */
  readonly declared: Image | undefined;
  readonly shares: InventoryShares;
  /** The upstream whose suites tell what is newer than what it holds. */
  readonly distro: string | undefined;
}

interface DescribedRecipe {
  readonly recipe: Pick<PlanImage, "parents" | "bases" | "recipeKey" | "broken" | "inherited" | "securityOnly">;
  /** Inventories of what a rebuild of it brings up to date; undefined for all that it holds. */
  readonly own?: readonly string[];
}

/** What the recipe of an image makes it depend on. */
export async function describeRecipe(ctx: Context, name: string, facts: RecipeFacts): Promise<DescribedRecipe> {
  const image = ctx.config.images[name];
  if (image !== undefined && hasSource(image)) return describeSourced(ctx, name, sourceOf(image), facts);
  if (image?.recipe === "upstream") return describeUpstream(ctx, name, image, facts);
  const parent = packagesImage(ctx.config, name)?.parent;
  return {
    recipe: {
      parents: parent === undefined ? [] : [parent],
      bases: [],
      recipeKey: await currentRecipeKey(ctx, name),
      broken: undefined,
      inherited: undefined,
      securityOnly: false,
    },
  };
}

function describeSourced(
  ctx: Context,
  name: string,
  from: BuildSource | undefined,
  facts: RecipeFacts,
): DescribedRecipe {
  const { source: found, current, declared } = facts;
  if (found?.kind !== "found") {
    const recipe = {
      parents: declared?.parents ?? [],
      bases: [],
      recipeKey: current?.recipeKey ?? "",
      broken: found?.reason ?? `${name} has no source`,
      inherited: undefined,
      securityOnly: false,
    };
    return { recipe };
  }
  const { source } = found;
  const parents = [...new Set(source.uses.flatMap(({ own }) => own ?? []))].sort();
  const others = source.uses.filter(({ own }) => own === undefined).map(({ key }) => key);
  const unknown = others.find((base) => facts.bases.get(base)?.believed === undefined);
  const share = current === undefined ? undefined : shareOf(from, source, current, facts);
  return {
    recipe: {
      parents,
      bases: planBases(ctx, others, current, facts.bases),
      recipeKey: recipeKey(ctx.config, name, [source.key]),
      broken: unknown === undefined ? undefined : `nothing is known yet of ${unknown}, which it is made of`,
      inherited: share?.inherited,
      securityOnly: false,
    },
    ...(share === undefined ? {} : { own: share.own }),
  };
}

function describeUpstream(ctx: Context, name: string, image: UpstreamImage, facts: RecipeFacts): DescribedRecipe {
  const { current, bases } = facts;
  const from = baseUpstream(image.from);
  const isKnown = bases.get(from)?.believed !== undefined;
  const recipe = {
    parents: [],
    bases: planBases(ctx, [from], current, bases),
    recipeKey: recipeKey(ctx.config, name, []),
    broken: isKnown ? undefined : `nothing is known yet of ${image.from}, which it mirrors`,
    inherited: undefined,
    securityOnly: image.patch === "security",
  };
  // Without patches the owner alone brings anything newer.
  return image.patch === "none" ? { recipe, own: [] } : { recipe };
}

/** Each base as it is believed to be; one that waits stands for what it will be. When it has waited long enough is for the watch to say: until then it is not ready. */
function planBases(
  ctx: Context,
  names: readonly string[],
  current: ImageDigest | undefined,
  known: ReadonlyMap<string, BelievedBase>,
): PlanBase[] {
  const from = originOf(current)?.bases ?? {};
  return names.flatMap((name): PlanBase[] => {
    const base = known.get(name);
    if (base?.believed === undefined) return [];
    const { believed, pending } = base;
    const used = from[name];
    if (pending?.state === "cool-down" && used === believed.digest) {
      const readyAt = Math.max(pending.since + coolDownOf(ctx.config, name), ctx.clock.now() + 1000);
      return [{ name, from: used, to: pending.digest, firstSeen: pending.since, readyAt }];
    }
    return [{ name, from: used, to: believed.digest, firstSeen: believed.since, readyAt: believed.since }];
  });
}

interface Share {
  readonly own: readonly string[];
  readonly inherited: PlanImage["inherited"];
}

/** Which of its packages a rebuild brings up to date: those of its own layers, and of its base those that its build renews. */
function shareOf(
  from: BuildSource | undefined,
  source: ImageSource,
  current: ImageDigest,
  { shares, distro }: RecipeFacts,
): Share | undefined {
  const origin = originOf(current);
  const baseLayers = origin?.baseLayers;
  if (baseLayers === undefined) return undefined;
  const renews =
    from?.dockerfile === undefined
      ? () => false
      : renewedPackages(parseDockerfile(source.dockerfile, { ...stageOf(from), args: from.args }));
  const own: string[] = [];
  const inherited: string[] = [];
  for (const [platform, key] of Object.entries(current.inventories)) {
    const below = new Set<Digest>(baseLayers[platform] ?? []);
    const isOwn = (one: InstalledPackage): boolean => !below.has(one.layer) || renews(one.name);
    const name = JSON.stringify([source.key, platform, [...below]]);
    own.push(shares.part(key, distro, `own ${name}`, isOwn));
    inherited.push(shares.part(key, distro, `base ${name}`, (one) => !isOwn(one)));
  }
  const use = source.uses.find((one) =>
    source.base === undefined ? one.key === origin?.standsOn : one.name === source.base,
  );
  // What came with an own image is cured by that image's rebuild.
  const isOthers = use !== undefined && use.own === undefined;
  return { own, inherited: isOthers ? { base: use.key, inventories: inherited } : undefined };
}

/** Where a digest of an image comes from; undefined for what was made before that was written down. */
function originOf(digest: ImageDigest | undefined): CandidateOrigin | undefined {
  const origin = digest?.detail["origin"];
  return typeof origin === "object" && origin !== null ? (origin as CandidateOrigin) : undefined;
}
