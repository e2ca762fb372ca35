import { z } from "zod";
import { deploymentsOf, type Config, type ProbeConfig } from "../../core/config/index.ts";
import { standingOf, type DeployedPlace } from "../../core/deploy/index.ts";
import { soakLeft, type StandingDigest } from "../../core/plan/index.ts";
import { judgeAnswers, passedBetween, type Look } from "../../core/policy/index.ts";
import type { Pointer, Soak } from "../../io/store/index.ts";
import type { Clock } from "../../lib/index.ts";
import type { Context } from "../context.ts";

const look = z.object({ at: z.number(), steady: z.object({ start: z.string(), ms: z.number() }).optional() });

/** What a probe said of one promotion, kept so that a process that follows goes on where this one was. */
const answers = z.object({
  /** Newest last, as many as its policy looks at. */
  passed: z.array(z.boolean()),
  at: z.number(),
  /** What it last complained of, and when that began; null while it is content. */
  failing: z.object({ since: z.number(), reason: z.string() }).nullable(),
});
const detail = z.object({
  look,
  prober: z.object({ owner: z.string(), until: z.number() }).optional(),
  probes: z.record(z.string(), answers).default({}),
});

export type SoakDetail = z.output<typeof detail>;
export type ProbeAnswers = z.output<typeof answers>;

/** What a row of soak holds; undefined where it is none of ours. */
export function readSoakDetail(soak: Soak | undefined): SoakDetail | undefined {
  const parsed = detail.safeParse(soak?.detail);
  return parsed.success ? parsed.data : undefined;
}

/** The probes that ask after an image in an environment. */
export function probesOf(config: Config, image: string, environment: string): readonly ProbeConfig[] {
  const probes = config.environments.find(({ name }) => name === environment)?.probes ?? [];
  return probes.filter(({ images }) => images === undefined || images.includes(image));
}

/** Environments that want a probe of an image, and have none. */
export function unprobedPlaces(config: Config, image: string): string[] {
  return config.environments
    .filter(({ name, requireProbes }) => requireProbes === true && probesOf(config, image, name).length === 0)
    .map(({ name }) => name);
}

export function lookNow(clock: Clock): Look {
  const at = clock.now();
  return clock.steady === undefined ? { at } : { at, steady: clock.steady() };
}

/** What an environment names, and since when the running systems use it: since the pointer moved where there are none. */
export function describeDeployed(
  config: Config,
  { image, environment, digest, since }: Pointer,
  places: readonly DeployedPlace[],
): StandingDigest {
  const standing = standingOf(deploymentsOf(config, image, environment), image, digest, places);
  if (standing === undefined) return { environment, digest, since };
  if (standing.kind === "runs") return { environment, digest, since: Math.max(standing.since, since ?? 0) };
  return { environment, digest, since: null, undeployed: standing.reason };
}

/** How long a pointer has stood, counted up to now where no probe counts, and what its probes complain of. What does not run yet does not soak. */
export async function lookAtSoak(ctx: Context, pointer: Pointer): Promise<StandingDigest> {
  const { image, environment, promotion } = pointer;
  if (promotion === null) return pointer;
  const places = deploymentsOf(ctx.config, image, environment).length > 0 ? await ctx.store.loadDeployed(image) : [];
  const deployed = describeDeployed(ctx.config, pointer, places);
  if (deployed.undeployed !== undefined) return deployed;
  const isProbed = probesOf(ctx.config, image, environment).length > 0;
  const soak = isProbed
    ? (await ctx.store.loadSoaks(image)).find((one) => one.environment === environment)
    : await ctx.store.saveSoak({ image, environment, promotion }, (before) => {
        const now = lookNow(ctx.clock);
        const stood = (before?.stoodMs ?? 0) + passedBetween(readSoakDetail(before)?.look, now);
        return { stoodMs: stood, detail: { look: now, probes: {} } };
      });
  return describeStanding(ctx, pointer, soak, places);
}

/** What a row of soak says of a pointer, without counting on. Probed, and nobody has asked yet: it has not stood at all. */
export function describeStanding(
  { config, clock }: Pick<Context, "config" | "clock">,
  pointer: Pointer,
  row: Soak | undefined,
  places: readonly DeployedPlace[],
): StandingDigest {
  const { image, environment } = pointer;
  const standing = describeDeployed(config, pointer, places);
  if (standing.undeployed !== undefined) return standing;
  const own = row?.promotion === pointer.promotion ? row : undefined;
  const known = readSoakDetail(own);
  const probes = probesOf(config, image, environment);
  if (probes.length === 0) {
    const counted = own === undefined ? undefined : own.stoodMs + passedBetween(known?.look, lookNow(clock));
    return { ...standing, stood: counted };
  }
  const stood = own?.stoodMs ?? 0;
  const soak = config.environments.find(({ name }) => name === environment)?.soak ?? 0;
  return { ...standing, stood, trouble: describeTrouble(probes, known, stood < soak) };
}

/** Why the soak of what is probed does not go on, as a sentence. */
function describeTrouble(
  probes: readonly ProbeConfig[],
  known: SoakDetail | undefined,
  soaks: boolean,
): string | undefined {
  for (const { name, failures } of probes) {
    const found = known?.probes[name];
    if (found === undefined && !soaks) continue;
    if (found === undefined) return `the probe ${name} has not asked yet; probes go on while \`tidemill up\` runs`;
    const health = judgeAnswers(failures, found.passed);
    if (health !== "healthy") return `the probe ${name} fails: ${found.failing?.reason ?? "too often"}`;
  }
  return undefined;
}

/** Whether a pointer is still in the soak of its environment: as long as a probe of it fails it is. */
export function isSoaking(config: Config, standing: StandingDigest, now: number): boolean {
  const link = config.environments.find(({ name }) => name === standing.environment);
  if (link === undefined || link.soak === 0) return false;
  return standing.trouble !== undefined || soakLeft(link, standing, now) > 0;
}
