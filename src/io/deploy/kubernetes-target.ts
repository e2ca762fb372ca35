import { resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { KubernetesConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { isOfRepository } from "../../core/image/index.ts";
import { AppError, messageOf, printable, type Digest } from "../../lib/index.ts";
import { TargetError } from "./error.ts";
import { followPlace, type KubernetesFollow, type PlaceLists } from "./kubernetes-follow.ts";
import { checkFound } from "./kubernetes-found.ts";
import { findTheirs, loadBrought, saveBrought, saveBroughtIntent, whoseImage } from "./kubernetes-brought.ts";
import { laterThan, patchOf, readMark, type Found } from "./kubernetes-mark.ts";
import {
  digestOf,
  parseOwned,
  parsePod,
  parseWorkload,
  workloadKinds,
  type PodContainer,
  type Workload,
  type WorkloadContainer,
  type WorkloadKind,
} from "./kubernetes-workload.ts";
import type {
  Applied,
  DeployMeans,
  DeployRequest,
  DeployTarget,
  DeployWorld,
  Overruled,
  Place,
  TargetList,
  Undone,
} from "./types.ts";

const lookMs = 1000;
/** How long a rollout is watched before it is asked anew what a person made of it meanwhile. */
const turnMs = 10_000;
/** The same where the cluster tells of what changes: not more often, nor more seldom. */
const soonestMs = 500;
const latestMs = 5000;
/** How long what is brought back has to become available before the way back goes on all the same. */
const backMs = 60_000;
const tries = 5;
/** How often it has to be seen that the cluster denies pods: a quota is counted anew while old ones end. */
const deniedLooks = 4;

/**
 * Workloads of a Kubernetes cluster. Only the image of a container is changed, by a patch that holds for the version of the workload that was read and for no other: whoever comes late changes nothing. An annotation names the attempt,
 * its fence and its cause. The rollout is the cluster's own; its pods say why it does not come to its end.
 */
export function createKubernetesTarget(config: KubernetesConfig, world: DeployWorld): DeployTarget {
  const cluster = world.cluster({
    kubeconfig: config.kubeconfig === undefined ? undefined : resolve(world.home, config.kubeconfig),
    context: config.context,
  });

  /** Places that the cluster tells of. */
  const follows = new Map<string, KubernetesFollow>();

  /** The workloads that run an image. Throws TargetError where they are not those that are meant. */
  const find = async (place: Place, signal: AbortSignal): Promise<Found[]> => {
    const all = (await Promise.all(config.namespaces.map((namespace) => list(namespace, signal)))).flat();
    const found = all.flatMap((workload) => {
      const own = readMark(workload, place);
      const named = config.containers[place.image];
      const ours = workload.containers.filter(({ name, image }) =>
        named === undefined
          ? isOfRepository(image, world.pullName(place)) || own?.before[name] !== undefined
          : named.includes(name),
      );
      return ours.length === 0 ? [] : [{ ...workload, ours, mark: own }];
    });
    checkFound(config, place, world.pullName(place), all, found);
    return found;
  };

  const list = async (namespace: string, signal: AbortSignal): Promise<Workload[]> => {
    const at = (kind: WorkloadKind): string =>
      `${workloadKinds[kind].group}/namespaces/${namespace}/${workloadKinds[kind].plural}`;
    if (config.selector !== undefined) {
      const { selector } = config;
      const kinds = Object.keys(workloadKinds) as WorkloadKind[];
      const lists = await Promise.all(kinds.map((kind) => cluster.list(at(kind), selector, signal)));
      return lists.flatMap((items, index) => items.map((item) => must(kinds[index] ?? "deployment", namespace, item)));
    }
    const named = await Promise.all(
      (config.workloads ?? []).map(async (workload) => {
        const [kind = "", name = ""] = workload.split("/");
        const object = await cluster.read(`${at(kind as WorkloadKind)}/${name}`, signal);
        return object === undefined ? [] : [must(kind as WorkloadKind, namespace, object)];
      }),
    );
    return named.flat();
  };

  const listsOf = async (place: Place, signal: AbortSignal): Promise<PlaceLists> => {
    const found = await find(place, signal);
    const at = (kind: WorkloadKind, namespace: string): string =>
      `${workloadKinds[kind].group}/namespaces/${namespace}/${workloadKinds[kind].plural}`;
    const { selector } = config;
    const workloads = config.namespaces.flatMap((namespace): TargetList[] => {
      if (selector !== undefined)
        return (Object.keys(workloadKinds) as WorkloadKind[]).map((kind) => ({ path: at(kind, namespace), selector }));
      return (config.workloads ?? []).map((workload) => {
        const [kind = "", name = ""] = workload.split("/");
        return { path: at(kind as WorkloadKind, namespace), fields: `metadata.name=${name}` };
      });
    });
    const pods = found.flatMap(({ podsPath: path, selector: own }) =>
      own === undefined || own === "" ? [] : [{ path, selector: own }],
    );
    return { workloads, pods };
  };

  const podsOf = async (workload: Workload, signal: AbortSignal): Promise<PodContainer[]> => {
    const { selector, uid, kind } = workload;
    if (selector === undefined || selector === "") return [];
    const sets = kind === "deployment" ? await cluster.list(workload.replicaSetsPath, selector, signal) : [];
    const owners = new Set([uid, ...sets.flatMap((one) => parseOwned(one, uid) ?? [])]);
    const pods = await cluster.list(workload.podsPath, selector, signal);
    return pods.flatMap((pod) => parsePod(pod, owners));
  };

  /** Puts images into a workload, as long as it is what it was; an answer where they must not be put there. */
  const change = async (
    start: Found,
    request: DeployRequest,
    means: DeployMeans,
    wantedOf: (
      found: Found,
      container: WorkloadContainer,
      isOurs: boolean,
    ) => string | { readonly refused: string } | undefined,
    attempt: string,
    digest: Digest,
  ): Promise<{ readonly kind: "stale"; readonly reason: string } | Overruled | undefined> => {
    const { path } = start;
    let found = start;
    for (let count = 1; ; count += 1) {
      const later = laterThan(found, request);
      if (later !== undefined) return { kind: "stale", reason: later };
      const known = await loadBrought(means.memory);
      const theirs = means.forced ? undefined : findTheirs(known, found, digest);
      if (theirs !== undefined) return theirs;
      const images: { readonly container: WorkloadContainer; readonly image: string }[] = [];
      for (const container of found.ours) {
        const isOurs = whoseImage(known, found, container) === "ours";
        const image = wantedOf(found, container, isOurs);
        if (typeof image === "object") return { kind: "stale", reason: image.refused };
        if (image !== undefined && image !== container.image) images.push({ container, image });
      }
      const isMarked = found.mark?.attempt === attempt && found.mark.fence === request.fence;
      if (images.length === 0 && (isMarked || found.mark === undefined)) {
        await saveBrought(means.memory, found, []);
        return undefined;
      }
      await means.confirmOurs();
      await saveBroughtIntent(means.memory, found, images);
      const marked = { ...request, id: attempt, digest };
      if ((await cluster.patch(found.path, patchOf(found, marked, images), means.signal)) === "patched") {
        await saveBrought(means.memory, found, images);
        return undefined;
      }
      if (count >= tries) return { kind: "stale", reason: `${found.title} was changed by others, again and again` };
      const again = (await find(request, means.signal)).find((one) => one.path === path);
      if (again === undefined) return undefined;
      found = again;
    }
  };

  const apply = async (request: DeployRequest, means: DeployMeans): Promise<Applied> => {
    const end = performance.now() + Math.min(means.deadlineMs, turnMs);
    const found = await find(request, means.signal);
    const stuck = found.find(({ problem }) => problem !== undefined);
    if (stuck?.problem !== undefined) return { kind: "unreachable", reason: `${stuck.title}: ${stuck.problem}` };
    for (const one of found) {
      const refused = await change(
        one,
        request,
        means,
        (at, container, isOurs) => (isOurs ? request.reference : wanted(at, container, request, means)),
        request.id,
        request.digest,
      );
      if (refused !== undefined) return refused;
    }
    return watch(request, request.digest, end, means.signal);
  };

  const watch = async (place: Place, digest: Digest, end: number, signal: AbortSignal): Promise<Applied> => {
    let denials = 0;
    for (;;) {
      const follow = follows.get(keyOf(place));
      const heard = follow?.heard() ?? 0;
      const found = await find(place, signal);
      const changed = found.find(({ ours }) => ours.some(({ image }) => digestOf(image) !== digest));
      if (changed !== undefined) return { kind: "again", reason: `${changed.title}: somebody else changed it` };
      const waiting = found.filter(({ rollout }) => rollout.kind !== "done");
      if (waiting.length === 0) return { kind: "applied" };
      const troubles = await Promise.all(
        waiting.map(async (one) => {
          const names = new Set(one.ours.map(({ name }) => name));
          const pods = (await podsOf(one, signal)).filter((pod) => names.has(pod.name) && pod.digest === digest);
          const bad = pods.find(({ trouble }) => trouble?.kind === "image") ?? pods.find(({ trouble }) => trouble);
          return (
            bad?.trouble && {
              kind: bad.trouble.kind,
              reason: `${one.title}: pod ${printable(bad.pod)}: ${bad.trouble.reason}`,
            }
          );
        }),
      );
      const broken = troubles.find((trouble) => trouble?.kind === "image");
      if (broken !== undefined) return { kind: "failed", reason: broken.reason };
      const away = troubles.find((trouble) => trouble !== undefined);
      denials = waiting.some(({ rollout }) => rollout.kind === "denied") ? denials + 1 : 0;
      const denied = waiting.find(({ rollout }) => rollout.kind === "denied");
      if (denied !== undefined && denials >= deniedLooks) return { kind: "failed", reason: describeRollout(denied) };
      const late = waiting.find(({ rollout }) => rollout.kind === "late");
      if (away === undefined && late !== undefined) return { kind: "failed", reason: describeRollout(late) };
      if (performance.now() >= end) {
        // That an image cannot be pulled, or a pod has no room, says nothing of the image.
        if (away !== undefined) return { kind: "unreachable", reason: away.reason };
        return { kind: "again", reason: waiting.map(describeRollout).join("; ") };
      }
      const left = Math.max(1, end - performance.now());
      if (follow?.isLive() === true && denied === undefined) {
        await delay(Math.min(soonestMs, left), undefined, { signal });
        await follow.after(heard, Math.min(latestMs, Math.max(1, left - soonestMs)), signal);
      } else await delay(Math.min(lookMs, left), undefined, { signal });
    }
  };

  const undo = async (request: DeployRequest, means: DeployMeans): Promise<Undone> => {
    const { previous, digest } = request;
    const attempt = `${request.id}-undo`;
    for (const one of await find(request, means.signal)) {
      if (laterThan(one, request) !== undefined) continue;
      const back = (at: Found, container: WorkloadContainer): string | undefined =>
        digestOf(container.image) === digest ? (previous?.reference ?? at.mark?.before[container.name]) : undefined;
      const refused = await change(one, request, means, back, attempt, previous?.digest ?? digest);
      const { path } = one;
      const now = refused === undefined ? one : (await find(request, means.signal)).find((at) => at.path === path);
      // A later worker has the place: what is there is its own.
      if (now === undefined || laterThan(now, request) !== undefined) continue;
      // What a person put there in the middle of it stays; the way back of the environment sees it, and tells of it.
      if (refused?.kind === "overruled") continue;
      if (refused !== undefined) return { kind: "again", reason: refused.reason };
      await freeOrdinals(one, request, means);
    }
    if (previous === undefined) return { kind: "undone" };
    const end = performance.now() + Math.min(means.deadlineMs, backMs);
    await watch(request, previous.digest, end, means.signal);
    return { kind: "undone" };
  };

  const findOverruled = async (request: DeployRequest, means: DeployMeans): Promise<Overruled | undefined> => {
    if (means.forced) return undefined;
    const known = await loadBrought(means.memory);
    for (const one of await find(request, means.signal)) {
      const theirs = findTheirs(known, one, request.digest);
      if (theirs !== undefined) return theirs;
    }
    return undefined;
  };

  /** A StatefulSet whose pods come in order waits for ever for one that never became ready, also on the way back: such a one has to go first. */
  const freeOrdinals = async (workload: Found, { digest }: DeployRequest, means: DeployMeans): Promise<void> => {
    if (workload.kind !== "statefulset") return;
    const pods = await podsOf(workload, means.signal);
    const stuck = pods.filter((one) => one.digest === digest && !one.isReady);
    for (const [uid, name] of new Map(stuck.map(({ podUid, pod }) => [podUid, pod]))) {
      await means.confirmOurs();
      await cluster.remove(`${workload.podsPath}/${encodeURIComponent(name)}`, uid, means.signal);
    }
  };

  const observe = async (place: Place, signal: AbortSignal): Promise<Observed> => {
    const found = await find(place, signal);
    const digests = new Set<Digest>();
    for (const one of found) {
      const pods = await podsOf(one, signal);
      for (const { name, image } of one.ours) {
        const named = digestOf(image);
        const seen = pods.filter((pod) => pod.name === name).flatMap((pod) => pod.digest ?? []);
        if (named === undefined && seen.length === 0)
          return { kind: "unknown", reason: `${one.title}: ${printable(name)} names no digest, and no pod of it runs` };
        for (const digest of named === undefined ? seen : [named, ...seen]) digests.add(digest);
      }
    }
    return { kind: "running", digests: [...digests] };
  };

  return {
    kind: "kubernetes",
    observes: true,
    plan: async (request, signal) => {
      const steps = [`sets ${request.reference}`, "waits until its rollout is complete"];
      try {
        const found = await find(request, signal);
        const set = found.map((one) => {
          const names = one.ours.map(({ name }) => printable(name)).join(", ");
          return `sets ${names} of ${one.title} to ${request.reference}`;
        });
        const stuck = found.find(({ problem }) => problem !== undefined);
        const all = [...set, ...steps.slice(1)];
        return stuck?.problem === undefined
          ? { steps: all }
          : { steps: all, problem: `${stuck.title}: ${stuck.problem}` };
      } catch (error) {
        return { steps, problem: reasonOf(error, signal) };
      }
    },
    apply: async (request, means) => {
      try {
        return await apply(request, means);
      } catch (error) {
        // What a webhook, a policy or a schema of the cluster denies today it denies tomorrow.
        if (error instanceof AppError && error.code === "REFUSED")
          return { kind: "failed", reason: reasonOf(error, means.signal) };
        return { kind: "unreachable", reason: reasonOf(error, means.signal) };
      }
    },
    findOverruled: async (request, means) => {
      try {
        return await findOverruled(request, means);
      } catch (error) {
        // Who cannot be asked is asked again by whoever asks what runs.
        reasonOf(error, means.signal);
        return undefined;
      }
    },
    follow: (place, tell, signal) => {
      const follow = followPlace(cluster, (own) => listsOf(place, own), tell, signal);
      follows.set(keyOf(place), follow);
      signal.addEventListener("abort", () => follows.delete(keyOf(place)), { once: true });
      return follow;
    },
    observe: async (place, signal) => {
      try {
        return await observe(place, signal);
      } catch (error) {
        if (error instanceof TargetError && error.code !== "WORKLOAD_COUNT")
          return { kind: "absent", reason: reasonOf(error, signal) };
        return { kind: "unknown", reason: reasonOf(error, signal) };
      }
    },
    undo: async (request, means) => {
      try {
        return await undo(request, means);
      } catch (error) {
        return { kind: "again", reason: reasonOf(error, means.signal) };
      }
    },
  };
}

function keyOf({ deployment, image }: Place): string {
  return JSON.stringify([deployment, image]);
}

/** The image that a container gets, or why it stays what somebody else made of it. */
function wanted(
  { mark: own, title }: Found,
  { name, image }: WorkloadContainer,
  request: DeployRequest,
  means: DeployMeans,
): string | { readonly refused: string } {
  const { digest, previous, reference } = request;
  const found = digestOf(image);
  if (found === digest || means.forced || previous === undefined) return reference;
  const at = `${title}: ${printable(name)} names ${printable(image).slice(0, 300)}`;
  // What was brought already and is not there any more was taken out. A way back asks nobody.
  if (request.kind === "forward" && own?.attempt === request.id && own.digest === digest)
    return { refused: `${at}: somebody took out what we had brought` };
  if (found === previous.digest) return reference;
  if (found !== undefined && own?.digest === found && means.isOurs(found)) return reference;
  return { refused: `${at}, which no attempt of ours brought` };
}

function describeRollout({ title, rollout }: Found): string {
  return rollout.kind === "done" ? title : `${title}: ${rollout.reason}`;
}

function must(kind: WorkloadKind, namespace: string, value: unknown): Workload {
  const workload = parseWorkload(kind, namespace, value);
  if (workload === undefined) throw new AppError("UNREADABLE", `what is given as a ${kind} in ${namespace} is none`);
  return workload;
}

/** A cluster that does not do it says nothing of the image. An abort, and what is no error of the cluster, is thrown on. */
function reasonOf(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted();
  if (!(error instanceof AppError)) throw error;
  const { hint } = error;
  return hint === undefined ? messageOf(error) : `${messageOf(error)}. ${hint}`;
}
