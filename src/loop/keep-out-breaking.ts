import { findBreaking, type PackageChange, type TakenUpdates, type TrialOutcome } from "../core/plan/index.ts";
import type { BlockedPackage, KeyedCause, Lease, PromotionFacts, Rebuild } from "../io/store/index.ts";
import { AppError } from "../lib/index.ts";
import { makeImage, type Makers } from "./build/index.ts";
import { checkTerms } from "./check-terms.ts";
import type { CandidateDetail, Context } from "./context.ts";
import { judgeCandidate } from "./verify/index.ts";

export class KeepOutError extends AppError<
  /** An engine that ran the checks a moment ago does not now. */
  "CHECK_NOT_RUN"
> {}

/** Trials of one rebuild: a binary search over some thousand updates, and as many again for the second that breaks. */
const mostTrials = 24;

/** What became of the search: the updates that break the checks are kept out from now on, or nobody can tell which they are. */
export type KeptOut = { readonly kind: "kept out" | "not known" | "lost" };

/** The updates of one source package, which come together or not at all. */
interface SourceUpdate {
  readonly source: string;
  readonly to: string;
  readonly packages: readonly PackageChange[];
}

/** One trial as it is kept with its rebuild: a search that was interrupted goes on with what was found. */
interface Trial {
  /** Sources whose updates were taken. */
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
  const sourcesOf = (taken: TakenUpdates): string[] => taken.flatMap((at) => updates[at]?.source ?? []);
  const outcomeOf = (taken: TakenUpdates): TrialOutcome | undefined => {
    const key = sourcesOf(taken).join(" ");
    return trials.find((trial) => trial.taken.join(" ") === key)?.outcome;
  };
  for (;;) {
    signal.throwIfAborted();
    const next = findBreaking(updates.length, outcomeOf, { trials: mostTrials });
    if (next.kind === "none") {
      const message = `which update breaks it is not known: ${next.reason}`;
      ctx.emit({ kind: "note", image: rebuild.image, rebuild: rebuild.id, message });
      const saved = await ctx.store.saveRebuild(lease, { detail: { search: message } });
      return { kind: saved.kind === "lost" ? "lost" : "not known" };
    }
    if (next.kind === "found") {
      const breaking = next.breaking.flatMap((at) => updates[at] ?? []);
      return putDown(ctx, lease, rebuild, facts.causes, failed.environment, breaking);
    }
    const taken = new Set(next.taken);
    const left = updates.filter((_, at) => !taken.has(at));
    const message = `trying it with ${taken.size} of ${updates.length} updates`;
    ctx.emit({ kind: "note", image: rebuild.image, rebuild: rebuild.id, environment: environment.name, message });
    const outcome = await tryWithout(ctx, makers, facts, rebuild, left, environment, signal);
    trials.push({ taken: sourcesOf(next.taken), outcome });
    if ((await ctx.store.saveRebuild(lease, { detail: { trials } })).kind === "lost") return { kind: "lost" };
  }
}

/** Whether some of its updates can be left out, and the checks have failed, not the fix. */
function isSearchable(ctx: Context, { image, candidate, lastError, detail }: Rebuild): boolean {
  const isDone = detail["search"] !== undefined;
  return (
    !isDone &&
    candidate !== null &&
    ctx.config.images[image]?.recipe === "packages" &&
    lastError?.code === "checks-failed"
  );
}

/** What the candidate has newer than what it takes over from, by source. */
async function updatesIn({ store }: Context, { image, candidate }: Rebuild): Promise<readonly SourceUpdate[]> {
  if (candidate === null) return [];
  const made = await store.loadImageDigest(image, candidate);
  const changes = (made?.detail["changes"] ?? []) as CandidateDetail["changes"];
  const inventories = await store.loadInventories(Object.values(made?.inventories ?? {}));
  const sources = new Map<string, { readonly source: string; readonly to: string }>();
  for (const one of [...inventories.values()].flatMap(({ packages }) => packages))
    if (one.type === "deb")
      sources.set(`${one.name}:${one.architecture}`, { source: one.source, to: one.sourceVersion });
  const moved = changes.filter(({ from, to }) => from !== undefined && to !== undefined);
  const bySource = Map.groupBy(moved, ({ name, architecture }) => sources.get(`${name}:${architecture}`)?.source);
  return [...bySource]
    .flatMap(([source, packages]) => {
      const [first] = packages;
      const to = first === undefined ? undefined : sources.get(`${first.name}:${first.architecture}`)?.to;
      return source === undefined || to === undefined ? [] : [{ source, to, packages }];
    })
    .sort((a, b) => (a.source < b.source ? -1 : 1));
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
  left: readonly SourceUpdate[],
  environment: Parameters<typeof judgeCandidate>[3],
  signal: AbortSignal,
): Promise<TrialOutcome> {
  const { image } = rebuild;
  const planned = (rebuild.detail["holdBack"] ?? []) as readonly PackageChange[];
  const stay = left.flatMap(({ packages }) => packages);
  const order = { ...rebuild, detail: { ...rebuild.detail, holdBack: [...planned, ...stay] } };
  const repository = ctx.repositoryOf(image);
  let digest;
  try {
    const made = await makeImage(ctx, makers, { rebuild: order, causes: [], previous: undefined, repository, signal });
    const packages = made.kind === "made" ? (made.packages ?? []) : [];
    const comesAllTheSame = ({ name, architecture, to }: PackageChange): boolean =>
      packages.some((one) => one.name === name && one.architecture === architecture && one.version === to);
    if (stay.some(comesAllTheSame)) return "unsatisfiable";
    digest = made.digest;
  } catch (error) {
    if (error instanceof AppError && ["UNSATISFIABLE", "KEPT_OUT"].includes(error.code)) return "unsatisfiable";
    throw error;
  }
  const question = { image, candidate: digest, causes: [] };
  const { found, judged } = await judgeCandidate(ctx, question, facts.pointers, environment, signal);
  const silent = found.checks.find(({ name, verdict }) => verdict === "not_run" && hadRun(facts, name));
  if (silent !== undefined) {
    throw new KeepOutError("CHECK_NOT_RUN", `${image}: ${silent.name} could run before, and cannot now`, {
      hint: "The search for the update that breaks it goes on when the engine is back.",
      retry: true,
    });
  }
  return judged.verdict === "failed" ? "failed" : "passed";
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
  causes: readonly KeyedCause[],
  environment: string,
  breaking: readonly SourceUpdate[],
): Promise<KeptOut> {
  const { image, candidate, lastError } = rebuild;
  if (candidate === null) return { kind: "not known" };
  const terms = checkTerms(ctx, image, rebuild.recipeKey);
  const packages: BlockedPackage[] = breaking
    .flatMap((one) => one.packages)
    .flatMap(({ name, architecture, to }) => (to === undefined ? [] : [{ name, architecture, version: to, terms }]));
  const names = breaking.map(({ source, to }) => `${source} ${to}`).join(", ");
  const reason = `${names} breaks its checks for ${environment}: ${lastError?.message ?? ""}`.slice(0, 2000);
  await ctx.store.saveQuarantine({ image, digest: candidate, packages, reason, who: "tidemill" });
  const message = `${names} is held back: ${lastError?.message ?? "it fails its checks"}`;
  const hint =
    "The other updates go out without it. It is tried again when a newer version is offered, or the recipe or the checks change.";
  const error = { code: "held-back", message, hint };
  const saved = await ctx.store.saveRebuild(lease, {
    lastError: error,
    detail: { search: message, heldBack: packages },
  });
  if (saved.kind === "lost") return { kind: "lost" };
  ctx.emit({ kind: "held", image, rebuild: rebuild.id, environment, digest: candidate, message });
  await warnOfUrgent(ctx, image, causes, breaking);
  return { kind: "kept out" };
}

/** What is held back closes something that is exploited or critical: that needs a person. */
async function warnOfUrgent(
  ctx: Context,
  image: string,
  causes: readonly KeyedCause[],
  breaking: readonly SourceUpdate[],
): Promise<void> {
  const urgent = causes.flatMap(({ cause }) =>
    cause.kind === "package" && breaking.some(({ source }) => source === cause.source) ? (cause.urgent ?? []) : [],
  );
  if (urgent.length === 0) return;
  const names = breaking.map(({ source, to }) => `${source} ${to}`).join(", ");
  const ids = [...new Set(urgent)].slice(0, 5).join(", ");
  const message = `${image} stays open to ${ids}: ${names} would close it, and breaks its checks`;
  const hint = `It is tried again when the recipe or its checks change; \`tidemill why ${image}\` says what failed.`;
  const raised = await ctx.store.saveAlarm({
    code: "urgent-held-back",
    subject: image,
    severity: "error",
    message,
    hint,
  });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, message });
}
