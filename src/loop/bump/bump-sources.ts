import { isSameVersion } from "../../core/bump/index.ts";
import type { Bump, ImageRemedy } from "../../io/store/index.ts";
import { AppError, messageOf } from "../../lib/index.ts";
import { leaseMs, type Context } from "../context.ts";
import { carryOut } from "./carry-out.ts";
import { endBump } from "./end-bump.ts";
import { findBumps, isLive, type BumpPlace, type FoundBump } from "./find-bumps.ts";
import { underLease } from "./keep-bump.ts";

/**
 * Has the packages that remedies name brought to the version that cures, in the repositories that say so by `bump:`: each lock file and package by a pull request or a commit of its own. What is not needed any more is closed. It follows
 * what the newest pass found, and the branches as they are now.
 */
export async function bumpSources(ctx: Context): Promise<void> {
  const { bumps, places } = await findBumps(ctx);
  for (const found of bumps) await tend(ctx, found);
  const wanted = new Set(bumps.map(({ key }) => key));
  const [known, remedies] = await Promise.all([ctx.store.loadBumps(), ctx.store.loadImageRemedies()]);
  for (const row of known) {
    const place = wanted.has(row.key) || !isLive(row.state) ? undefined : placeOf(row, places);
    const reason = place && whyEnded(row, place, remedies);
    if (place !== undefined && reason !== undefined)
      await leased(ctx, row.key, (lease, { signal }) => endBump(ctx, lease, place.source, reason, signal));
  }
}

async function tend(ctx: Context, found: FoundBump): Promise<void> {
  const { key, file, type, moves, findings, images, source } = found;
  const { publicUrl } = ctx.bumps;
  await ctx.store.saveBumpWish({
    key,
    repository: publicUrl(source.url),
    branch: source.branch,
    file,
    type,
    package: found.package,
    images,
    moves,
    findings,
  });
  await leased(ctx, key, (lease, means) => carryOut(ctx, lease, found, means));
}

type Working = Parameters<typeof underLease>[2];

/** Works at a bump where nobody else does. What the outside world does not take stops no other bump, and is said at the next look. */
async function leased(
  ctx: Context,
  key: string,
  work: (lease: Parameters<typeof underLease>[1], means: Parameters<Working>[0]) => Promise<void>,
): Promise<void> {
  const lease = await ctx.store.leaseBump({ key, owner: ctx.owner, leaseMs });
  if (lease === undefined) return;
  const alarm = { code: "bump-stuck", subject: key } as const;
  try {
    await underLease(ctx, lease, (means) => work(lease, means));
    await ctx.store.saveAlarmCleared(alarm);
  } catch (error) {
    ctx.signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    if (error.code === "BUMP_LOST") return;
    const { package: name, repository } = lease.bump;
    const message = `${name} cannot be bumped in ${repository}: ${messageOf(error)}`;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    const raised = await ctx.store.saveAlarm({ ...alarm, severity: "warning", message, ...hint });
    if (raised.isNew) ctx.emit({ kind: "alarm", message });
  }
}

function placeOf(row: Bump, places: readonly BumpPlace[]): BumpPlace | undefined {
  const own = places.filter(({ repository, source }) => repository === row.repository && source.branch === row.branch);
  return (
    own.find(({ locks }) => locks.has(row.file)) ?? own.find(({ source }) => isBelow(row.file, source.subdirectory))
  );
}

function isBelow(file: string, folder: string | undefined): boolean {
  return folder === undefined || file.startsWith(`${folder}/`);
}

/** Why nobody wants a bump any more; undefined where that is not certain: of what could not be told nothing follows. */
function whyEnded(row: Bump, { locks, source }: BumpPlace, remedies: readonly ImageRemedy[]): string | undefined {
  const lock = locks.get(row.file);
  const isLocked = row.moves.some(({ from }) =>
    lock?.packages.some((one) => one.name === row.package && isSameVersion(row.type, one.version, from)),
  );
  if (!isLocked) return `${source.branch} does not lock ${row.moves.map(({ from }) => from).join(" or ")} any more`;
  const states = new Map(remedies.map(({ image, state }) => [image, state]));
  return row.images.every((image) => states.get(image) === "known") ? "no finding asks for it any more" : undefined;
}
