import { formatPlatform } from "../../../core/image/index.ts";
import { debsOf, diffInventories, provePackages, readInventory } from "../../../core/inventory/index.ts";
import type { PlatformImage } from "../../../io/layer/index.ts";
import { AppError } from "../../../lib/index.ts";
import type { Swap } from "../../../core/patch/index.ts";
import type { PlannedPlatform } from "./plan-platform.ts";
import type { PatchChange } from "./types.ts";

/** Why a patch is not handed out. */
export class PatchError extends AppError<
  /** What was pushed does not hold what was planned. */
  | "PATCH_NOT_PROVEN"
  /** A platform was asked for that the original has not. */
  | "NO_PLATFORM"
> {}

/** What a patched platform is held against. */
export interface Promised {
  readonly before: PlatformImage;
  readonly swaps: readonly Swap[];
  /** Files that the image goes without on purpose. */
  readonly isAbsent?: (path: string) => boolean;
}

/**
 * What changed on one platform, read from the bytes that were pushed: exactly the planned packages, every file of theirs as they ship it, the database whole. Throws
 * PATCH_NOT_PROVEN.
 */
export function provePatch({ before, swaps, isAbsent }: Promised, pushed: PlatformImage): PatchChange[] {
  const platform = formatPlatform(before.platform);
  const fail = (why: string): PatchError =>
    new PatchError("PATCH_NOT_PROVEN", `the patched image of ${platform}: ${why}`, {
      hint: "Nothing names it. Keep the digest for whoever looks into it; the original serves meanwhile.",
    });
  const after = readInventory(pushed.tree, pushed.platform);
  if (after.system !== "complete") throw fail(after.problems.join("; ").slice(0, 1000));
  const changes = diffInventories(readInventory(before.tree, before.platform), after);
  const wanted = new Map(swaps.map((swap) => [swap.name, swap]));
  for (const { name, from, to } of changes) {
    const swap = wanted.get(name);
    if (swap === undefined || (to !== undefined && swap.to !== to))
      throw fail(`${name} went from ${from ?? "nothing"} to ${to ?? "nothing"}, which was not planned`);
  }
  const debs = debsOf(after);
  const there = new Map(debs.map(({ name, version }) => [name, version]));
  for (const { name, to } of swaps)
    if (there.get(name) !== to) throw fail(`${name} should be ${to}, and is ${there.get(name) ?? "not there"}`);
  for (const truth of provePackages(pushed.tree, changes, before.tree, isAbsent))
    if (truth.kind === "false") throw fail(`${truth.name}: ${truth.problems.join("; ")}`);
  const sources = new Map(debs.map(({ name, source }) => [name, source]));
  return changes.map((change) => ({ ...change, platform, source: sources.get(change.name) ?? change.name }));
}

/** The same of a platform that was planned here: without the files that the plan leaves out. */
export function provePlanned({ plan, image, loaded }: PlannedPlatform, pushed: PlatformImage): PatchChange[] {
  const absent = new Set(
    loaded.flatMap(({ next }) => next.steps.flatMap((step) => [...(step.absent ?? []), ...step.without])),
  );
  const swaps = plan.kind === "native" ? plan.swaps : [];
  return provePatch(
    { before: image, swaps, isAbsent: (path) => absent.has(path) || absent.has(`usr/${path}`) },
    pushed,
  );
}
