import { z } from "zod";
import { isDigest, printable, tryShape, type Digest } from "../../lib/index.ts";

/** The kinds of workload, and where the API has them. */
export const workloadKinds = {
  deployment: { group: "/apis/apps/v1", plural: "deployments" },
  statefulset: { group: "/apis/apps/v1", plural: "statefulsets" },
  daemonset: { group: "/apis/apps/v1", plural: "daemonsets" },
  cronjob: { group: "/apis/batch/v1", plural: "cronjobs" },
} as const;
export type WorkloadKind = keyof typeof workloadKinds;

const text = z.string().max(10_000);
const count = z.number().int().min(0);
const container = z.looseObject({ name: text, image: text.default("") });
const podSpec = z.looseObject({
  containers: z.array(container).max(1000),
  initContainers: z.array(container).max(1000).optional(),
});
const labels = z.record(text, text);
const metadata = z.looseObject({
  name: text,
  uid: text,
  resourceVersion: text,
  generation: count.default(0),
  annotations: z.record(text, z.string().max(300_000)).default({}),
});
const template = z.looseObject({ spec: podSpec });
const workloadShape = z.looseObject({
  metadata,
  spec: z.looseObject({
    replicas: count.default(1),
    paused: z.boolean().optional(),
    selector: z
      .looseObject({
        matchLabels: labels.optional(),
        matchExpressions: z
          .array(z.looseObject({ key: text, operator: text, values: z.array(text).optional() }))
          .optional(),
      })
      .optional(),
    template: template.optional(),
    jobTemplate: z.looseObject({ spec: z.looseObject({ template }) }).optional(),
    updateStrategy: z
      .looseObject({ type: text.optional(), rollingUpdate: z.looseObject({ partition: count.optional() }).optional() })
      .optional(),
  }),
  status: z
    .looseObject({
      observedGeneration: count.default(0),
      replicas: count.default(0),
      updatedReplicas: count.default(0),
      availableReplicas: count.default(0),
      desiredNumberScheduled: count.default(0),
      updatedNumberScheduled: count.default(0),
      numberAvailable: count.default(0),
      conditions: z
        .array(z.looseObject({ type: text, status: text, reason: text.optional(), message: z.string().optional() }))
        .default([]),
    })
    .prefault({}),
});

export interface WorkloadContainer {
  readonly name: string;
  readonly image: string;
  readonly list: "containers" | "initContainers";
}

/** A workload, as far as a deployment looks at it. */
export interface Workload {
  readonly kind: WorkloadKind;
  readonly name: string;
  readonly namespace: string;
  /** `deployment/web in shop`. */
  readonly title: string;
  readonly path: string;
  readonly podsPath: string;
  readonly replicaSetsPath: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Grows with every change of what is wanted of it. */
  readonly generation: number;
  readonly annotations: Readonly<Record<string, string>>;
  readonly containers: readonly WorkloadContainer[];
  /** By which its pods are found; undefined where it has none of its own. */
  readonly selector: string | undefined;
  /** Why a change of it would bring nothing about. */
  readonly problem: string | undefined;
  readonly rollout: Rollout;
}

/** How far a change of a workload is. `late`: its own deadline is over. `denied`: the server lets it have no pods, by a quota, a policy or a webhook. */
export type Rollout =
  { readonly kind: "done" } | { readonly kind: "under way" | "late" | "denied"; readonly reason: string };

/** Reads a Deployment, StatefulSet or DaemonSet of apps/v1, or a CronJob of batch/v1; undefined where it is none. */
export function parseWorkload(kind: WorkloadKind, namespace: string, value: unknown): Workload | undefined {
  const shaped = tryShape(workloadShape, value);
  if (!shaped.success) return undefined;
  const { metadata: own, spec } = shaped.data;
  const pod = kind === "cronjob" ? spec.jobTemplate?.spec.template.spec : spec.template?.spec;
  if (pod === undefined) return undefined;
  const { group, plural } = workloadKinds[kind];
  const at = (prefix: string): string => `${prefix}/namespaces/${encodeURIComponent(namespace)}`;
  const read = (list: WorkloadContainer["list"]): WorkloadContainer[] =>
    (pod[list] ?? []).map(({ name, image }) => ({ name, image, list }));
  return {
    kind,
    name: own.name,
    namespace,
    title: `${kind}/${printable(own.name)} in ${namespace}`,
    path: `${at(group)}/${plural}/${encodeURIComponent(own.name)}`,
    podsPath: `${at("/api/v1")}/pods`,
    replicaSetsPath: `${at("/apis/apps/v1")}/replicasets`,
    uid: own.uid,
    resourceVersion: own.resourceVersion,
    generation: own.generation,
    annotations: own.annotations,
    containers: [...read("containers"), ...read("initContainers")],
    selector: kind === "cronjob" ? undefined : selectorOf(spec.selector),
    problem: problemOf(spec),
    rollout: judgeRollout(kind, shaped.data),
  };
}

type Shape = z.output<typeof workloadShape>;

/** A LabelSelector in the words of a query. Both parts have to hold. */
function selectorOf(selector: Shape["spec"]["selector"]): string {
  const parts = Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  for (const { key, operator, values = [] } of selector?.matchExpressions ?? []) {
    if (operator === "Exists") parts.push(key);
    if (operator === "DoesNotExist") parts.push(`!${key}`);
    if (operator === "In") parts.push(`${key} in (${values.join(",")})`);
    if (operator === "NotIn") parts.push(`${key} notin (${values.join(",")})`);
  }
  return parts.join(",");
}

function problemOf({ paused, updateStrategy }: Shape["spec"]): string | undefined {
  if (paused === true) return "it is paused: nothing is rolled out";
  if (updateStrategy?.type === "OnDelete") return "its updateStrategy is OnDelete: no pod is replaced";
  const partition = updateStrategy?.rollingUpdate?.partition ?? 0;
  return partition > 0 ? `its updateStrategy has partition ${partition}: pods are left out` : undefined;
}

function judgeRollout(kind: WorkloadKind, { metadata: own, spec, status }: Shape): Rollout {
  if (kind === "cronjob") return { kind: "done" };
  if (status.observedGeneration < own.generation) return { kind: "under way", reason: "no controller has seen it yet" };
  const late = status.conditions.find(({ reason }) => reason === "ProgressDeadlineExceeded");
  if (kind === "deployment" && late !== undefined)
    return { kind: "late", reason: `ProgressDeadlineExceeded: ${printable(late.message ?? "").slice(0, 300)}` };
  const denied = status.conditions.find((one) => one.type === "ReplicaFailure" && one.status === "True");
  if (kind === "deployment" && denied?.reason === "FailedCreate")
    return { kind: "denied", reason: `FailedCreate: ${printable(denied.message ?? "").slice(0, 500)}` };
  const isDaemon = kind === "daemonset";
  const wanted = isDaemon ? status.desiredNumberScheduled : spec.replicas;
  const updated = isDaemon ? status.updatedNumberScheduled : status.updatedReplicas;
  const available = isDaemon ? status.numberAvailable : status.availableReplicas;
  const old = isDaemon ? 0 : Math.max(0, status.replicas - updated);
  if (updated >= wanted && available >= wanted && old === 0) return { kind: "done" };
  return {
    kind: "under way",
    reason: `${updated} of ${wanted} pods are updated, ${available} are available${old > 0 ? `, ${old} old ones are left` : ""}`,
  };
}

const state = z.looseObject({
  waiting: z.looseObject({ reason: text.optional(), message: z.string().optional() }).optional(),
  terminated: z
    .looseObject({ exitCode: z.number().optional(), reason: text.optional(), message: z.string().optional() })
    .optional(),
});
const podShape = z.looseObject({
  metadata: z.looseObject({
    name: text,
    uid: text,
    deletionTimestamp: text.optional(),
    ownerReferences: z.array(z.looseObject({ uid: text })).default([]),
  }),
  spec: podSpec,
  status: z
    .looseObject({
      phase: text.optional(),
      conditions: z
        .array(z.looseObject({ type: text, status: text, reason: text.optional(), message: z.string().optional() }))
        .default([]),
      ...Object.fromEntries(
        ["containerStatuses", "initContainerStatuses"].map((key) => [key, z.array(z.unknown()).max(1000).default([])]),
      ),
    })
    .prefault({}),
});
const containerStatus = z.looseObject({
  name: text,
  imageID: text.default(""),
  state: state.optional(),
  lastState: state.optional(),
});
const ownedShape = z.looseObject({
  metadata: z.looseObject({ uid: text, ownerReferences: z.array(z.looseObject({ uid: text })).default([]) }),
});

/** A container of a pod that is not on its way out. */
export interface PodContainer {
  readonly pod: string;
  readonly podUid: string;
  readonly isReady: boolean;
  readonly name: string;
  /** As the pod names it; as the node found it where it names none. */
  readonly digest: Digest | undefined;
  /** What is wrong with it: `image` where it does not run, `cluster` where the cluster does not come to run it. */
  readonly trouble: { readonly kind: "image" | "cluster"; readonly reason: string } | undefined;
}

/** Reads the containers of a pod that one of `owners` has; none of one that is ending, or is none. */
export function parsePod(value: unknown, owners: ReadonlySet<string>): PodContainer[] {
  const shaped = tryShape(podShape, value);
  if (!shaped.success) return [];
  const { metadata: own, spec, status } = shaped.data;
  if (own.deletionTimestamp !== undefined || status.phase === "Succeeded") return [];
  if (!own.ownerReferences.some(({ uid }) => owners.has(uid))) return [];
  const unscheduled = status.conditions.find(
    ({ type, reason }) => type === "PodScheduled" && reason === "Unschedulable",
  );
  const stuck = unscheduled && `Unschedulable: ${printable(unscheduled.message ?? "")}`.slice(0, 300);
  const isReady = status.conditions.some((one) => one.type === "Ready" && one.status === "True");
  const statuses = [...readStatuses(status["containerStatuses"]), ...readStatuses(status["initContainerStatuses"])];
  return [...spec.containers, ...(spec.initContainers ?? [])].map(({ name, image }) => {
    const seen = statuses.find((one) => one.name === name);
    const trouble = stuck === undefined ? troubleOf(seen) : ({ kind: "cluster", reason: stuck } as const);
    const digest = digestOf(image) ?? digestOf(seen?.imageID ?? "");
    return { pod: own.name, podUid: own.uid, isReady, name, digest, trouble };
  });
}

function readStatuses(value: unknown): z.output<typeof containerStatus>[] {
  return (Array.isArray(value) ? value : []).flatMap((one) => {
    const shaped = tryShape(containerStatus, one);
    return shaped.success ? [shaped.data] : [];
  });
}

/** What a kubelet waits for that is none of the image's doing. */
const waitsForCluster = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "RegistryUnavailable",
  "ImageInspectError",
  "CreateContainerConfigError",
]);
const cannotRun = new Set(["CrashLoopBackOff", "RunContainerError", "CreateContainerError"]);

function troubleOf(seen: z.output<typeof containerStatus> | undefined): PodContainer["trouble"] {
  const { reason = "", message = "" } = seen?.state?.waiting ?? {};
  const isClusters = waitsForCluster.has(reason);
  if (!isClusters && !cannotRun.has(reason)) return undefined;
  const { exitCode, message: said } = seen?.lastState?.terminated ?? {};
  const words = [
    reason,
    ...(exitCode === undefined ? [] : [`it ended with ${exitCode}`]),
    ...[said, message].flatMap((one) => (one === undefined || one === "" ? [] : [printable(one.trim())])),
  ];
  return { kind: isClusters ? "cluster" : "image", reason: words.join("; ").slice(0, 500) };
}

/** The uid of a ReplicaSet that a workload owns. */
export function parseOwned(value: unknown, owner: string): string | undefined {
  const shaped = tryShape(ownedShape, value);
  if (!shaped.success) return undefined;
  const { uid, ownerReferences } = shaped.data.metadata;
  return ownerReferences.some((one) => one.uid === owner) ? uid : undefined;
}

/** The digest that an image is named by; undefined where that is a tag. */
export function digestOf(image: string): Digest | undefined {
  const found = image.slice(image.lastIndexOf("@") + 1);
  return isDigest(found) ? found : undefined;
}
