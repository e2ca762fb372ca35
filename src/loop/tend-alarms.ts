import { imagesOf } from "../core/config/index.ts";
import type { Rebuild } from "../io/store/index.ts";
import type { Context } from "./context.ts";
import { placeAlarms, placeSubject } from "./deploy/index.ts";
import { probesOf } from "./promote/index.ts";

/** Rebuilds of an image that fail one after the other, before it is an alarm: one that fails is stopped and told of, no more. */
const mostFailures = 3;
const failingCode = "rebuild-failing";
const unprobedCode = "no-probe";

/** Raises an alarm for each image whose rebuilds keep failing, and clears those that are over or whose subject is no longer declared. */
export async function tendAlarms(ctx: Context): Promise<void> {
  const [newest, standing, declared] = await Promise.all([
    ctx.store.loadNewestRebuilds(),
    ctx.store.loadAlarms(),
    ctx.store.loadImages(),
  ]);
  const failed = newest.filter(({ image, state }) => state === "failed" && ctx.config.images[image] !== undefined);
  const failedNames = new Set(failed.map(({ image }) => image));
  for (const rebuild of failed) {
    // A hundred children that wait for one parent are one alarm.
    const parents = declared.find(({ name }) => name === rebuild.image)?.parents ?? [];
    if (!parents.some((parent) => failedNames.has(parent))) await raiseIfFailing(ctx, rebuild);
  }

  for (const rebuild of newest) {
    const failures = Number(rebuild.detail["failures"] ?? 0);
    if (rebuild.finishedAt === null && failures >= mostFailures && ctx.config.images[rebuild.image] !== undefined)
      await raise(ctx, rebuild, `its rebuild failed ${failures} times and is tried again`);
  }

  const unprobed = await findUnprobed(ctx);
  for (const { image, environment } of unprobed)
    await ctx.store.saveAlarm({
      code: unprobedCode,
      subject: `${image}:${environment}`,
      severity: "warning",
      message: `no probe asks after ${image} in ${environment}`,
      hint: "Name one below `probes:` of the environment, or say `requireProbes: false`.",
    });
  const unprobedSubjects = new Set(unprobed.map(({ image, environment }) => `${image}:${environment}`));

  // One that is under way may fail again: only an end decides.
  const doubtful = new Set(
    newest.filter(({ state }) => state !== "promoted" && state !== "unchanged").map((one) => one.image),
  );
  for (const { code, subject } of standing) {
    const isOver =
      (code === failingCode && !doubtful.has(subject)) || (code === unprobedCode && !unprobedSubjects.has(subject));
    if (isOver || !isDeclared(ctx, code, subject)) await ctx.store.saveAlarmCleared({ code, subject });
  }
}

/** What runs where policy warns of images that no probe asks after. */
async function findUnprobed({ config, store }: Context): Promise<{ image: string; environment: string }[]> {
  const warns = config.environments.filter(({ requireProbes }) => requireProbes === "warn");
  if (warns.length === 0) return [];
  return (await store.loadPointers()).filter(
    ({ image, environment }) =>
      config.images[image] !== undefined &&
      warns.some(({ name }) => name === environment) &&
      probesOf(config, image, environment).length === 0,
  );
}

async function raiseIfFailing(ctx: Context, rebuild: Rebuild): Promise<void> {
  const { image } = rebuild;
  const rebuilds = await ctx.store.loadRebuilds({ image, limit: 100 });
  const ended = rebuilds.filter(({ state }) => state !== "superseded");
  const good = ended.findIndex(({ state }) => state !== "failed");
  const count = good < 0 ? ended.length : good;
  if (count >= mostFailures) await raise(ctx, rebuild, `its last ${count} rebuilds failed`);
}

async function raise(ctx: Context, { image, lastError }: Rebuild, what: string): Promise<void> {
  const raised = await ctx.store.saveAlarm({
    code: failingCode,
    subject: image,
    severity: "error",
    message: `${what}: ${lastError?.message ?? "for no known reason"}`,
    hint: lastError?.hint ?? `\`tidemill why ${image}\` says what was tried. What runs stays as it is.`,
  });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, message: raised.alarm.message });
}

function placeSubjects(config: Context["config"]): ReadonlySet<string> {
  return new Set(
    Object.keys(config.deployments).flatMap((deployment) =>
      imagesOf(config, deployment).map((image) => placeSubject({ deployment, image })),
    ),
  );
}

/** Whether the configuration still has what an alarm of the loop is about. */
function isDeclared(ctx: Context, code: string, subject: string): boolean {
  const { images, environments } = ctx.config;
  if (code === failingCode) return images[subject] !== undefined;
  if (placeAlarms.has(code)) return placeSubjects(ctx.config).has(subject);
  if (code === "feed-failing" || code === "feed-stale") return ctx.feeds.some(({ name }) => name === subject);
  if (code === "upstream-failing") return [...ctx.suites.values()].flat().some(({ name }) => name === subject);
  if (
    code !== "tag-conflict" &&
    code !== "unhealthy" &&
    code !== "probe-failing" &&
    code !== "reverification-failed" &&
    code !== "promotion-stuck" &&
    code !== "deploy-failed"
  )
    return true;
  const [image = "", environment] = subject.split(":");
  return images[image] !== undefined && environments.some(({ name }) => name === environment);
}
