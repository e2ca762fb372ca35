import { formatPlatform } from "../../../core/image/index.ts";
import { diffInventories, provePackages, readInventory } from "../../../core/inventory/index.ts";
import type { PlatformImage } from "../../../io/layer/index.ts";
import { AppError } from "../../../lib/index.ts";
import type { PlannedPlatform } from "./plan-platform.ts";
import type { PatchChange } from "./types.ts";

/** Why a patch is not handed out. */
export class PatchError extends AppError<
  /** What was pushed does not hold what was planned. */
  | "PATCH_NOT_PROVEN"
  /** A platform was asked for that the original has not. */
  | "NO_PLATFORM"
> {}

/**
 * What changed on one platform, read from the bytes that were pushed: exactly the planned packages, every file of theirs as they ship it, the database whole. Throws
 * PATCH_NOT_PROVEN.
 */
export function provePatch(planned: PlannedPlatform, pushed: PlatformImage): PatchChange[] {
  const { plan, inventory } = planned;
  const platform = formatPlatform(planned.image.platform);
  const fail = (why: string): PatchError =>
    new PatchError("PATCH_NOT_PROVEN", `the patched image of ${platform}: ${why}`, {
      hint: "Nothing names it. Keep the digest for whoever looks into it; the image can be patched by a build engine meanwhile.",
    });
  const after = readInventory(pushed.tree, pushed.platform);
  if (after.status !== "complete") throw fail(after.problems.join("; ").slice(0, 1000));
  const changes = diffInventories(inventory, after);
  const swaps = plan.kind === "native" ? plan.swaps : [];
  const wanted = new Map(swaps.map((swap) => [swap.name, swap]));
  for (const { name, from, to } of changes) {
    const swap = wanted.get(name);
    if (swap === undefined || (to !== undefined && swap.to !== to))
      throw fail(`${name} went from ${from ?? "nothing"} to ${to ?? "nothing"}, which was not planned`);
  }
  const there = new Map(after.packages.map(({ name, version }) => [name, version]));
  for (const { name, to } of swaps)
    if (there.get(name) !== to) throw fail(`${name} should be ${to}, and is ${there.get(name) ?? "not there"}`);
  const absent = new Set(
    planned.loaded.flatMap(({ next }) => next.steps.flatMap((step) => [...(step.absent ?? []), ...step.without])),
  );
  const isAbsent = (path: string): boolean => absent.has(path) || absent.has(`usr/${path}`);
  for (const truth of provePackages(pushed.tree, changes, planned.image.tree, isAbsent))
    if (truth.kind === "false") throw fail(`${truth.name}: ${truth.problems.join("; ")}`);
  const sources = new Map(after.packages.map(({ name, source }) => [name, source]));
  return changes.map((change) => ({ ...change, platform, source: sources.get(change.name) ?? change.name }));
}
