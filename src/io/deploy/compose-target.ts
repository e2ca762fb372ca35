import { setTimeout as delay } from "node:timers/promises";
import type Dockerode from "dockerode";
import type { ComposeConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { messageOf, type Digest } from "../../lib/index.ts";
import { lastWords, removeContainer, type ServiceContainer } from "./compose-containers.ts";
import { openSite, type ComposeSite } from "./compose-site.ts";
import type { Applied, DeployMeans, DeployRequest, DeployTarget, DeployWorld, Place, Undone } from "./types.ts";

const lookMs = 250;
/** How long what is brought back has to become healthy before what failed goes all the same. */
const backMs = 60_000;

type IsNew = (one: ServiceContainer) => boolean;

/**
 * A service of a compose file. The digest is pinned in an override file of ours; yours is never changed. The new container is started beside the old one, and is healthy before the old one goes. Its labels name the attempt and its
 * fence: a worker that finds a higher one changes nothing.
 */
export function createComposeTarget(config: ComposeConfig, world: DeployWorld): DeployTarget {
  const isInPlace = config.order === "stop-first";
  let daemon: Promise<Dockerode> | undefined;
  const open = async (place: Place) => {
    daemon ??= import("dockerode").then(({ default: Docker }) => new Docker());
    return openSite(await daemon, config, world, place);
  };

  const apply = async (request: DeployRequest, means: DeployMeans): Promise<Applied> => {
    const end = performance.now() + means.deadlineMs;
    const site = await open(request);
    if ("kind" in site) return site;
    const found = await site.list();
    const later = laterThan(found, request.fence);
    if (later !== undefined) return { kind: "stale", reason: later };
    const isNew: IsNew = ({ digest, attempt }) => digest === request.digest || attempt === request.id;
    const broken = await findBroken(site, found, request.id);
    if (broken !== undefined) return { kind: "failed", reason: broken };
    const started = await start(site, request, means, found, isNew, end);
    if (started !== undefined) return started;
    const replicas = Math.max(1, countOld(found, isNew));
    const wanted = { attempt: request.id, replicas, end, steady: config.steady };
    const sick = await waitUntilHealthy(site, isNew, wanted, means.signal);
    if (sick?.kind === "unhealthy") return { kind: "failed", reason: sick.reason };
    if (sick?.kind === "no check") {
      await means.confirmOurs();
      await removeAll(
        site,
        (await site.list()).filter(({ attempt }) => attempt === request.id),
      );
      return { kind: "unreachable", reason: `the service ${site.service} ${sick.reason}` };
    }
    const leaving = (await site.list()).filter((one) => !isNew(one));
    if (leaving.length > 0) {
      if (config.drain > 0) await delay(config.drain, undefined, { signal: means.signal });
      await means.confirmOurs();
      await removeAll(site, leaving);
    }
    return { kind: "applied" };
  };

  /** Starts as many new containers as there are old ones; an answer where that cannot be. */
  const start = async (
    site: ComposeSite,
    { reference, digest, id, fence }: DeployRequest,
    means: DeployMeans,
    found: readonly ServiceContainer[],
    isNew: IsNew,
    end: number,
  ): Promise<Applied | undefined> => {
    const left = () => ({ signal: means.signal, deadlineMs: end - performance.now() });
    const old = countOld(found, isNew);
    const fresh = found.filter((one) => one.isRunning && isNew(one)).length;
    if (fresh > 0 && fresh >= old) return undefined;
    await means.confirmOurs();
    await site.pin({ reference, digest, attempt: id, fence });
    const unpulled = await site.run(["pull", site.service], left());
    if (unpulled !== undefined) return { kind: "unreachable", reason: `${reference} cannot be pulled: ${unpulled}` };
    await means.confirmOurs();
    // What has ended would be started again, with the image that it had.
    await removeAll(
      site,
      found.filter((one) => !one.isRunning || (isInPlace && !isNew(one))),
    );
    const scale = old === 0 ? undefined : isInPlace ? old : 2 * old;
    await means.confirmOurs();
    const problem = await bringUp(site, scale, left());
    if (problem === undefined) return undefined;
    const broken = await findBroken(site, await site.list(), id);
    if (broken !== undefined) return { kind: "failed", reason: broken };
    // No container of it says that it is the image.
    return { kind: "unreachable", reason: `Compose did not start it: ${problem}` };
  };

  const undo = async (request: DeployRequest, means: DeployMeans): Promise<Undone> => {
    const site = await open(request);
    if ("kind" in site) return { kind: "again", reason: site.reason };
    const { id, fence, previous } = request;
    const found = await site.list();
    // A later worker has the place: what is there is its own.
    if (laterThan(found, fence) !== undefined) return { kind: "undone" };
    const bad = found.filter(({ attempt }) => attempt === id);
    await means.confirmOurs();
    if (previous === undefined) {
      await removeAll(site, bad);
      return { kind: "undone" };
    }
    // Whoever starts something with our file gets what runs.
    await site.pin({ ...previous, attempt: `${id}-undo`, fence });
    const isBack: IsNew = ({ digest, attempt }) => digest === previous.digest && attempt !== id;
    if (!found.some((one) => one.isRunning && isBack(one))) {
      const leaving = found.filter((one) => !one.isRunning || isInPlace);
      await removeAll(site, leaving);
      const staying = found.length - leaving.length;
      const problem = await bringUp(site, staying + Math.max(1, bad.length), means);
      if (problem !== undefined) return { kind: "again", reason: `Compose did not start the old one: ${problem}` };
      const end = performance.now() + Math.min(backMs, means.deadlineMs);
      const wanted = { attempt: `${id}-undo`, replicas: 1, end, steady: config.steady ?? 0 };
      await waitUntilHealthy(site, isBack, wanted, means.signal);
      await means.confirmOurs();
    }
    await removeAll(site, bad);
    return { kind: "undone" };
  };

  return {
    kind: "compose",
    observes: true,
    plan: async (request) => {
      const service = config.services[request.image] ?? request.image;
      const { reference } = request;
      const steps = isInPlace
        ? [`ends what runs of ${service}`, `starts ${service} with ${reference}`, "waits until it is healthy"]
        : [`starts ${service} with ${reference} beside what runs`, "waits until it is healthy", "ends the old one"];
      const site = await open(request);
      return "kind" in site ? { steps, problem: site.reason } : { steps };
    },
    apply: (request, means) =>
      guarded<Applied>(
        means.signal,
        () => apply(request, means),
        (reason) => ({ kind: "unreachable", reason }),
      ),
    observe: (place, signal) =>
      guarded<Observed>(
        signal,
        async () => {
          const site = await open(place);
          return "kind" in site ? { kind: "unknown", reason: site.reason } : observe(site);
        },
        (reason) => ({ kind: "unknown", reason }),
      ),
    undo: (request, means) =>
      guarded<Undone>(
        means.signal,
        () => undo(request, means),
        (reason) => ({ kind: "again", reason }),
      ),
  };
}

function countOld(found: readonly ServiceContainer[], isNew: IsNew): number {
  return found.filter((one) => one.isRunning && !isNew(one)).length;
}

/** Has so many containers run in all; as many as the file has it without `scale`. What runs is left as it is. */
function bringUp(
  site: ComposeSite,
  scale: number | undefined,
  means: Pick<DeployMeans, "deadlineMs" | "signal">,
): Promise<string | undefined> {
  const scaled = scale === undefined ? [] : ["--scale", `${site.service}=${scale}`];
  return site.run(["up", "-d", "--no-deps", "--no-recreate", "--no-build", ...scaled, site.service], means);
}

/** What is wrong with a container of an attempt and what it said last, as a sentence. */
async function findBroken(
  site: ComposeSite,
  found: readonly ServiceContainer[],
  attempt: string,
): Promise<string | undefined> {
  const broken = found.find((one) => one.attempt === attempt && one.trouble !== undefined);
  if (broken?.trouble === undefined) return undefined;
  const said = await lastWords(site.docker, broken.id);
  return `the new container: ${broken.trouble}${said === undefined ? "" : `; it wrote: ${said}`}`;
}

/** What is waited for, and until when on the machine's timers. */
interface Wanted {
  readonly attempt: string;
  readonly replicas: number;
  readonly end: number;
  readonly steady: number | undefined;
}

type Sick = { readonly kind: "unhealthy" | "no check"; readonly reason: string };

async function waitUntilHealthy(
  site: ComposeSite,
  isNew: IsNew,
  { attempt, replicas, end, steady }: Wanted,
  signal: AbortSignal,
): Promise<Sick | undefined> {
  for (;;) {
    const fresh = (await site.list()).filter(isNew);
    // What troubled one that was there before says nothing of what begins.
    const broken = await findBroken(site, fresh, attempt);
    if (broken !== undefined) return { kind: "unhealthy", reason: broken };
    if (steady === undefined && fresh.some(({ isRunning, health }) => isRunning && health === "none"))
      return {
        kind: "no check",
        reason: "has no health check: declare one, or say by `steady:` how long it has to run",
      };
    const isWell = ({ isRunning, health, ranMs }: ServiceContainer): boolean =>
      isRunning && (health === "healthy" || (health === "none" && ranMs >= (steady ?? 0)));
    if (fresh.length >= replicas && fresh.every(isWell)) return undefined;
    if (performance.now() >= end)
      return { kind: "unhealthy", reason: "the new container: it did not become healthy in time" };
    await delay(lookMs, undefined, { signal });
  }
}

async function removeAll({ docker }: ComposeSite, containers: readonly ServiceContainer[]): Promise<void> {
  await Promise.all(containers.map(({ id }) => removeContainer(docker, id)));
}

async function observe(site: ComposeSite): Promise<Observed> {
  const found = (await site.list()).filter(({ isRunning }) => isRunning);
  if (found.length === 0) return { kind: "absent", reason: `no container of ${site.service} runs in ${site.project}` };
  const digests = found.flatMap(({ digest }): Digest[] => (digest === undefined ? [] : [digest]));
  if (digests.length < found.length) return { kind: "unknown", reason: "a container runs an image without a digest" };
  return { kind: "running", digests: [...new Set(digests)] };
}

/** What Docker throws says nothing of the image. An abort, and a place that is no longer ours, are thrown on. */
async function guarded<T>(signal: AbortSignal, work: () => Promise<T>, trouble: (reason: string) => T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal.throwIfAborted();
    const { statusCode, syscall } = error as { readonly statusCode?: unknown; readonly syscall?: unknown };
    if (statusCode === undefined && syscall === undefined) throw error;
    return trouble(`docker: ${messageOf(error)}`);
  }
}

/** Why a worker of a fence is late, as a sentence. */
function laterThan(found: readonly ServiceContainer[], fence: number): string | undefined {
  const highest = Math.max(0, ...found.map((one) => one.fence));
  return highest > fence ? `a container of a later worker is there: its fence is ${highest}, ours ${fence}` : undefined;
}
