import { lineageOf, packagesImage } from "../../core/config/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { PackageChange } from "../../core/plan/index.ts";
import { repositoryName, type Context } from "../context.ts";
import { loadBase } from "./load-base.ts";
import type { Made, MakeRequest } from "./made.ts";
import { resolveImage, type ResolveOptions } from "./resolve-image.ts";
import type { Assembler } from "./types.ts";

/** What was made of packages, and which. */
export interface MadeOfPackages extends Made {
  readonly packages: readonly PackageRecord[];
}

/** Resolves and assembles an image of recipe `packages`. Throws what resolving, fetching and pushing throw. */
export async function makePackages(
  ctx: Context,
  assembler: Assembler,
  { rebuild, repository, signal }: MakeRequest,
): Promise<MadeOfPackages> {
  const { image } = rebuild;
  const parent = packagesImage(ctx.config, image)?.parent;
  const base = await loadBase(ctx, image, rebuild.parentRebuilds);
  const holdBack = holdBackOf(rebuild.detail["holdBack"]);
  const remembered = await rememberedOf(ctx, holdBack);
  const keepOut = keepOutOf(rebuild.detail["keepOut"]);
  const { request, notes } = await resolveImage(ctx, image, { holdBack, remembered, keepOut, base });
  const mountFrom = lineageOf(ctx.config, image)
    .slice(0, -1)
    .reverse()
    .map((each) => repositoryName(ctx.config, each));
  const assembled = await assembler.assemble(request, repository, { signal, mountFrom });
  const packages = request.platforms.flatMap((platform) => platform.packages);
  await ctx.store.savePackageRecords(packages);
  return {
    kind: "made",
    digest: assembled.digest,
    bytes: assembled.bytes,
    bytesUploaded: assembled.bytesUploaded,
    layers: assembled.platforms.flatMap((platform) =>
      platform.layers.map(({ descriptor, history }) => ({
        digest: descriptor.digest,
        bytes: descriptor.size,
        history,
      })),
    ),
    warnings: [...notes, ...assembled.warnings],
    origin: {
      remedy: "rebuild",
      why: "assembled from its packages",
      bases: parent === undefined || base === undefined ? {} : { [parent]: base },
    },
    packages,
  };
}

function rememberedOf(ctx: Context, holdBack: readonly PackageChange[]): Promise<PackageRecord[]> {
  return ctx.store.loadPackageRecords(
    holdBack.flatMap(({ name, architecture, from }) =>
      from === undefined ? [] : [{ name, architecture, version: from }],
    ),
  );
}

/** The packages that wait, as the plan wrote them down. */
function holdBackOf(value: unknown): readonly PackageChange[] {
  return Array.isArray(value) ? (value as PackageChange[]) : [];
}

/** The versions that must not come, as the plan wrote them down. */
function keepOutOf(value: unknown): NonNullable<ResolveOptions["keepOut"]> {
  return Array.isArray(value) ? (value as NonNullable<ResolveOptions["keepOut"]>) : [];
}
