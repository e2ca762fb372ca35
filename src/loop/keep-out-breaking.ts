import { debsOf, readInventory, type InstalledPackage } from "../core/inventory/index.ts";
import { findBreaking, type PackageChange, type TakenUpdates, type TrialOutcome } from "../core/plan/index.ts";
import type { BlockedBase, BlockedPackage, Lease, PromotionFacts, Rebuild } from "../io/store/index.ts";
import { AppError, type Digest } from "../lib/index.ts";
import { makeImage, type Makers } from "./build/index.ts";
import { checkTerms } from "./check-terms.ts";
import type { Context } from "./context.ts";
import { updatesIn, type Update } from "./updates-in.ts";
import { judgeToEnd } from "./verify/index.ts";

export class KeepOutError extends AppError<
  /** An engine that ran the checks a moment ago does not now. */
  "CHECK_NOT_RUN"
> {}

/** Trials of one rebuild: a binary search over some thousand updates, and as many again for the second that breaks. */
const mostTrials = 24;

/** What became of the search: the updates that break the checks are kept out from now on, or nobody can tell which they are. */
export type KeptOut = { readonly kind: "kept out" | "not known" | "lost" };

/** One trial as it is kept with its rebuild: a search that was interrupted goes on with what was found. */
interface Trial {
  /** Keys of the updates that were taken. */
  readonly taken: readonly string[];
  readonly outcome: TrialOutcome;
}

/**
 * For a candidate that failed its checks: finds the updates that break them, by building and checking the image with fewer of them, and puts those into quarantine with the candidate. The next plan
 * takes the others. Whatever is tried is tried once, whoever goes on after a crash. A cause that had no effect, and a recipe that cannot take some updates without the others, are not looked into.
 */
export async function keepOutBreaking(
  ctx: Context,
  makers: Makers,
  facts: PromotionFacts,
  lease: Lease,
  signal: AbortSignal,
): Promise<KeptOut> {
  const rebuild = await ctx.store.loadRebuild(facts.rebuild.id);
  const failed = facts.verifications.findLast(({ verdict }) => verdict === "failed");
  if (rebuild === undefined || failed === undefined || !isSearchable(ctx, rebuild)) return { kind: "not known" };
  const environment = ctx.config.environments.find(({ name }) => name === failed.environment);
  const updates = await updatesIn(ctx, rebuild);
  if (environment === undefined || updates.length === 0) return { kind: "not known" };

  const trials = [...trialsOf(rebuild)];
  const keysOf = (taken: TakenUpdates): string[] => taken.flatMap((at) => updates[at]?.key ?? []);
  const outcomeOf = (taken: TakenUpdates): TrialOutcome | undefined => {
    const key = keysOf(taken).join(" ");
    return trials.find((trial) => trial.taken.join(" ") === key)?.outcome;
  };
  const places = new Map(updates.map(({ key }, at) => [key, at]));
  const brings = (at: number): readonly number[] => updates[at]?.brings.flatMap((key) => places.get(key) ?? []) ?? [];
  for (;;) {
    signal.throwIfAborted();
    const next = findBreaking(updates.length, outcomeOf, { trials: mostTrials, brings });
    if (next.kind === "none") {
      const message = `which update breaks it is not known: ${next.reason}`;
      ctx.emit({ kind: "note", image: rebuild.image, rebuild: rebuild.id, message });
      const saved = await ctx.store.saveRebuild(lease, { detail: { search: message } });
      return { kind: saved.kind === "lost" ? "lost" : "not known" };
    }
    if (next.kind === "found") {
      const breaking = next.breaking.flatMap((at) => updates[at] ?? []);
      return putDown(ctx, lease, rebuild, failed.environment, breaking);
    }
    const taken = new Set(next.taken);
    const left = updates.filter((_, at) => !taken.has(at));
    const message = `trying it with ${taken.size} of ${updates.length} updates`;
    ctx.emit({ kind: "note", image: rebuild.image, rebuild: rebuild.id, environment: environment.name, message });
    const outcome = await tryWithout(ctx, makers, facts, rebuild, left, environment, signal);
    trials.push({ taken: keysOf(next.taken), outcome });
    if ((await ctx.store.saveRebuild(lease, { detail: { trials } })).kind === "lost") return { kind: "lost" };
  }
}

/** Whether some of its updates can be left out, and the checks have failed, not the fix. */
function isSearchable(ctx: Context, { image, candidate, lastError, detail }: Rebuild): boolean {
  const isDone = detail["search"] !== undefined;
  const recipe = ctx.config.images[image]?.recipe;
  return (
    !isDone &&
    candidate !== null &&
    (recipe === "packages" || recipe === "upstream") &&
    lastError?.code === "checks-failed"
  );
}

function trialsOf({ detail }: Rebuild): readonly Trial[] {
  return Array.isArray(detail["trials"]) ? (detail["trials"] as Trial[]) : [];
}

/** Builds and checks the image without some of its updates. What is made is named by no tag, and collected in time. */
async function tryWithout(
  ctx: Context,
  makers: Makers,
  facts: PromotionFacts,
  rebuild: Rebuild,
  left: readonly Update[],
  environment: Parameters<typeof judgeToEnd>[3],
  signal: AbortSignal,
): Promise<TrialOutcome> {
  const { image } = rebuild;
  const repository = ctx.repositoryOf(image);
  const order = orderWithout(rebuild, left);
  let digest;
  try {
    const made = await makeImage(ctx, makers, { rebuild: order, causes: [], previous: undefined, repository, signal });
    digest = made.digest;
    const packages =
      "packages" in made && made.packages !== undefined ? made.packages : await heldIn(ctx, image, digest);
    const comesAllTheSame = ({ name, architecture, to }: PackageChange): boolean =>
      packages.some((one) => one.name === name && one.architecture === architecture && one.version === to);
    if (left.some((one) => one.packages.some(comesAllTheSame))) return "unsatisfiable";
  } catch (error) {
    if (error instanceof AppError && unsatisfiable.has(error.code)) return "unsatisfiable";
    throw error;
  }
  const question = { image, candidate: digest, causes: [] };
  const { found, judged } = await judgeToEnd(ctx, question, facts.pointers, environment, signal);
  const silent = found.checks.find(({ name, verdict }) => verdict === "not_run" && hadRun(facts, name));
  if (silent !== undefined) {
    throw new KeepOutError("CHECK_NOT_RUN", `${image}: ${silent.name} could run before, and cannot now`, {
      hint: "The search for the update that breaks it goes on when the engine is back.",
      retry: true,
    });
  }
  return judged.verdict === "failed" ? "failed" : "passed";
}

/** Refusals that say that a set of updates cannot be had. */
const unsatisfiable: ReadonlySet<string> = new Set(["UNSATISFIABLE", "KEPT_OUT", "PATCH_REFUSED"]);

/** What is to be made where some updates are left out: their packages stay, and so do bases. */
function orderWithout(rebuild: Rebuild, left: readonly Update[]): Rebuild {
  const planned = (rebuild.detail["holdBack"] ?? []) as readonly PackageChange[];
  const bases = (rebuild.detail["bases"] ?? []) as readonly { readonly name: string; readonly digest: Digest }[];
  const stay = left.flatMap(({ base }) => (base === undefined ? [] : [{ name: base.name, digest: base.from }]));
  const others = bases.filter(({ name }) => !stay.some((one) => one.name === name));
  const holdBack = [...planned, ...left.flatMap(({ packages }) => packages)];
  return { ...rebuild, detail: { ...rebuild.detail, holdBack, bases: [...others, ...stay] } };
}

async function heldIn(ctx: Context, image: string, digest: Digest): Promise<readonly InstalledPackage[]> {
  const { platforms } = await ctx.images.read(ctx.repositoryOf(image), digest, ctx.signal);
  return platforms.flatMap(({ tree, platform }) => debsOf(readInventory(tree, platform)));
}

/** Whether a check of the failed verification was carried out. */
function hadRun({ verifications }: PromotionFacts, name: string): boolean {
  const checks = verifications.findLast(({ verdict }) => verdict === "failed")?.checks ?? [];
  return checks.some((one) => one.name.startsWith(`${name} (`) && one.verdict !== "not_run");
}

async function putDown(
  ctx: Context,
  lease: Lease,
  rebuild: Rebuild,
  environment: string,
  breaking: readonly Update[],
): Promise<KeptOut> {
  const { image, candidate, lastError } = rebuild;
  if (candidate === null) return { kind: "not known" };
  const terms = checkTerms(ctx, image, rebuild.recipeKey);
  const packages: BlockedPackage[] = breaking
    .flatMap((one) => one.packages)
    .flatMap(({ name, architecture, to }) => (to === undefined ? [] : [{ name, architecture, version: to, terms }]));
  const bases: BlockedBase[] = breaking.flatMap(({ base }) =>
    base === undefined ? [] : [{ name: base.name, digest: base.to, terms }],
  );
  const names = namesOf(breaking);
  const reason = `${names} breaks its checks for ${environment}: ${lastError?.message ?? ""}`.slice(0, 2000);
  await ctx.store.saveQuarantine({ image, digest: candidate, packages, bases, reason, who: "tidemill" });
  const message = `${names} is held back: ${lastError?.message ?? "it fails its checks"}`;
  const hint =
    "The other updates go out without it. It is tried again when a newer version is offered, or the recipe or the checks change.";
  const error = { code: "held-back", message, hint };
  const saved = await ctx.store.saveRebuild(lease, {
    lastError: error,
    detail: { search: message, heldBack: packages, heldBases: bases },
  });
  if (saved.kind === "lost") return { kind: "lost" };
  ctx.emit({ kind: "held", image, rebuild: rebuild.id, environment, digest: candidate, message });
  return { kind: "kept out" };
}

function namesOf(breaking: readonly Update[]): string {
  return breaking.map(({ name }) => name).join(", ");
}
