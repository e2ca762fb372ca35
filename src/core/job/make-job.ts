import { isOfRepository, type Platform } from "../image/index.ts";
import type { JobManifest } from "./parse-job-manifest.ts";

/** What a Job is made of beside what it does. */
export interface JobTerms {
  readonly name: string;
  readonly namespace: string;
  /** Of the Job and its pods: by them they are found again. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** The candidate, its digest in it. */
  readonly reference: string;
  /** On a node of which it has to run. */
  readonly platform: Platform;
  /** Seconds after which the cluster ends it, whatever became of us. */
  readonly deadline: number;
}

/** What the candidate does in a Job of our making. */
export interface OwnJob {
  readonly command?: readonly string[] | undefined;
  readonly args?: readonly string[] | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly memory?: number | undefined;
  readonly cpus?: number | undefined;
  readonly storage?: number | undefined;
  readonly writable?: boolean | undefined;
  readonly runAsNonRoot?: boolean | undefined;
  readonly pullSecrets?: readonly string[] | undefined;
}

/** A Job as the API server is given it. */
export interface JobObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: object;
}

/** Seconds that the cluster keeps a Job which nobody took away. */
const keptSeconds = 600;
const mebibyte = 1_048_576;

/**
 * A Job that runs the candidate once: no token of a service account, no new privileges, no capabilities, the seccomp profile of the runtime, a root that is not written to, limits of memory, CPU and storage. Its words stand for themselves: what Kubernetes
 * would take for a variable, `$(NAME)`, is text. Job v1 batch; Pod v1 core.
 */
export function makeJob(own: OwnJob, terms: JobTerms): JobObject {
  const { memory = 512 * mebibyte, cpus = 1, storage = 1024 * mebibyte } = own;
  const limits = { memory: inKi(memory), cpu: `${Math.round(cpus * 1000)}m`, "ephemeral-storage": inKi(storage) };
  const folders = ["tmp", "run"];
  const container = {
    name: "candidate",
    image: terms.reference,
    imagePullPolicy: "IfNotPresent",
    ...(own.command === undefined ? {} : { command: own.command.map(literal) }),
    ...(own.args === undefined ? {} : { args: own.args.map(literal) }),
    env: Object.entries(own.env ?? {}).map(([name, value]) => ({ name, value: literal(value) })),
    resources: { limits, requests: { ...limits, cpu: `${Math.min(100, Math.round(cpus * 1000))}m` } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: own.writable !== true,
    },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts: folders.map((name) => ({ name, mountPath: `/${name}` })),
  };
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: metadataOf(terms, {}, {}),
    spec: {
      backoffLimit: 0,
      activeDeadlineSeconds: terms.deadline,
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        metadata: { labels: terms.labels },
        spec: {
          restartPolicy: "Never",
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: 5,
          nodeSelector: nodesOf(terms.platform),
          securityContext: {
            seccompProfile: { type: "RuntimeDefault" },
            ...(own.runAsNonRoot === undefined ? {} : { runAsNonRoot: own.runAsNonRoot }),
          },
          ...(own.pullSecrets === undefined ? {} : { imagePullSecrets: own.pullSecrets.map((name) => ({ name })) }),
          containers: [container],
          volumes: folders.map((name) => ({ name, emptyDir: { sizeLimit: inKi(storage) } })),
        },
      },
    },
  };
}

export type FilledJob =
  { readonly kind: "ok"; readonly job: JobObject } | { readonly kind: "invalid"; readonly reason: string };

/**
 * A Job by a manifest, the candidate in place of the image of `containers`, or of those whose image is of its repository. Beside that only its name, its labels, the platform's node and how long it may go on and stay are ours. `invalid`: it is not meant
 * for this candidate, as a sentence.
 */
export function fillJob(
  { metadata, spec, ...rest }: JobManifest,
  containers: readonly string[] | undefined,
  terms: JobTerms,
): FilledJob {
  const { template } = spec;
  if (metadata.namespace !== undefined && metadata.namespace !== terms.namespace)
    return {
      kind: "invalid",
      reason: `it is for the namespace ${metadata.namespace}, the check for ${terms.namespace}`,
    };
  const all = [...template.spec.containers, ...(template.spec.initContainers ?? [])];
  const missing = containers?.find((name) => !all.some((one) => one.name === name));
  if (missing !== undefined) return { kind: "invalid", reason: `there is no container ${missing} in it` };
  const isOurs = ({ name, image = "" }: (typeof all)[number]): boolean =>
    containers === undefined ? isOfRepository(image, terms.reference) : containers.includes(name);
  if (!all.some(isOurs)) {
    const has = all.map(({ name, image = "nothing" }) => `${name} (${image})`).join(", ");
    const reason = `no container of it is of ${terms.reference.split("@")[0] ?? ""}: there is ${has}. Name by \`containers:\` those that run the candidate.`;
    return { kind: "invalid", reason };
  }
  const put = (one: (typeof all)[number]) => (isOurs(one) ? { ...one, image: terms.reference } : one);
  const { initContainers, nodeSelector = {} } = template.spec;
  const wanted = nodesOf(terms.platform);
  const other = Object.entries(wanted).find(([key, value]) => (nodeSelector[key] ?? value) !== value);
  if (other !== undefined)
    return {
      kind: "invalid",
      reason: `its nodeSelector has ${other[0]} ${nodeSelector[other[0]] ?? ""}: name by \`platforms:\` what it is for`,
    };
  const job = {
    ...rest,
    metadata: metadataOf(terms, metadata.labels ?? {}, metadata.annotations ?? {}),
    spec: {
      ...spec,
      activeDeadlineSeconds: Math.min(spec.activeDeadlineSeconds ?? terms.deadline, terms.deadline),
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        ...template,
        metadata: { ...template.metadata, labels: { ...template.metadata?.labels, ...terms.labels } },
        spec: {
          ...template.spec,
          nodeSelector: { ...nodeSelector, ...wanted },
          containers: template.spec.containers.map(put),
          ...(initContainers === undefined ? {} : { initContainers: initContainers.map(put) }),
        },
      },
    },
  };
  return { kind: "ok", job };
}

function metadataOf(
  { name, namespace, labels, annotations }: JobTerms,
  theirLabels: Readonly<Record<string, string>>,
  theirAnnotations: Readonly<Record<string, string>>,
): JobObject["metadata"] {
  return {
    name,
    namespace,
    labels: { ...theirLabels, ...labels },
    annotations: { ...theirAnnotations, ...annotations },
  };
}

/** Labels that every kubelet gives its node. Kubernetes, "Well-Known Labels, Annotations and Taints". */
function nodesOf({ os, architecture }: Platform): Readonly<Record<string, string>> {
  return { "kubernetes.io/os": os, "kubernetes.io/arch": architecture };
}

/** Sizes of the configuration are whole KiB. */
function inKi(bytes: number): string {
  return `${Math.ceil(bytes / 1024)}Ki`;
}

/** Kubernetes expands `$(NAME)` in words and values; `$$` is a dollar. */
function literal(value: string): string {
  return value.replaceAll("$", "$$$$");
}
