import { printable, tryShape } from "../../lib/index.ts";
import { eventShape, podShape, type ContainerShape, type JobShape, type PodShape } from "./job-shapes.ts";

/** How far a Job is. */
export type JobState =
  | { readonly kind: "complete" }
  /** By the candidate's doing. */
  | { readonly kind: "failed"; readonly reason: string }
  /** By none of its doing. */
  | { readonly kind: "away"; readonly reason: string }
  /** It waits for something that the cluster has not got: an image that it cannot pull, a node, a secret. */
  | { readonly kind: "stuck"; readonly on: "image" | "node" | "config"; readonly reason: string }
  /** No pod of it has started yet. */
  | { readonly kind: "starts"; readonly hasPod: boolean; readonly reason: string }
  | { readonly kind: "runs" };

/** The pods of a Job that the API server lists, the newest first; what is none is passed over. */
export function podsOfJob(values: readonly unknown[], uid: string): PodShape[] {
  const pods = values.flatMap((value) => {
    const shaped = tryShape(podShape, value);
    return shaped.success ? [shaped.data] : [];
  });
  const madeAt = ({ metadata }: PodShape): string => metadata.creationTimestamp ?? "";
  return pods
    .filter(({ metadata }) => (metadata.ownerReferences ?? []).some((one) => one.uid === uid))
    .sort((a, b) => (madeAt(a) < madeAt(b) ? 1 : madeAt(a) > madeAt(b) ? -1 : 0));
}

/** Containers of a pod that have been started, those that prepare it first. */
export function startedIn({ status }: PodShape): readonly ContainerShape[] {
  return statusesOf(status).filter(
    ({ state, lastState }) =>
      state?.running !== undefined || state?.terminated !== undefined || lastState?.terminated !== undefined,
  );
}

/** What a Job and its pods, the newest first, say of the candidate. */
export function judgeJob({ status }: JobShape, pods: readonly PodShape[]): JobState {
  const has = (type: string) => status?.conditions?.find((one) => one.type === type && one.status === "True");
  if (has("Complete") ?? has("SuccessCriteriaMet")) return { kind: "complete" };
  const failed = has("Failed") ?? has("FailureTarget");
  if (failed !== undefined) return judgeFailure(failed, pods);
  const [newest] = pods;
  if (newest === undefined) return { kind: "starts", hasPod: false, reason: "the cluster made no pod for it" };
  const waiting = pods.flatMap((pod) => troubleOf(pod) ?? []);
  const isRunning = pods.some((pod) => statusesOf(pod.status).some(({ state }) => state?.running !== undefined));
  if (waiting[0] !== undefined && !isRunning) return waiting[0];
  if (isRunning || startedIn(newest).length > 0) return { kind: "runs" };
  const reasons = statusesOf(newest.status).flatMap(({ state }) => state?.waiting?.reason ?? []);
  const reason = `pod ${nameOf(newest)} was not started: ${printable(reasons[0] ?? newest.status?.phase ?? "Pending")}`;
  return { kind: "starts", hasPod: true, reason };
}

/** Why the controller makes no pod, in the words of an event. `forbidden`: by a policy or a webhook, and so it would be the next time; everything else (quotas, what is not there yet) may end by itself. */
export function denialIn(
  values: readonly unknown[],
  uid: string,
): { readonly kind: "forbidden" | "lacking"; readonly reason: string } | undefined {
  for (const value of [...values].reverse()) {
    const shaped = tryShape(eventShape, value);
    if (!shaped.success) continue;
    const { reason, message = "", involvedObject } = shaped.data;
    if (reason !== "FailedCreate" || involvedObject?.uid !== uid) continue;
    const isForbidden = /\bis forbidden\b|\bdenied the request\b/.test(message) && !lacks.test(message);
    const kind = isForbidden ? "forbidden" : "lacking";
    return { kind, reason: `no pod of it is let in: ${shown(message)}` };
  }
  return undefined;
}

/** In the words of the admission plug-ins ResourceQuota and ServiceAccount. */
const lacks = /\b(?:exceeded|failed) quota\b|\berror looking up service account\b/;

type Condition = NonNullable<NonNullable<JobShape["status"]>["conditions"]>[number];

function judgeFailure({ reason = "", message = "" }: Condition, pods: readonly PodShape[]): JobState {
  const ends = pods.flatMap((pod) => endOf(pod) ?? []);
  const [own] = ends.filter(({ kind }) => kind === "failed");
  const [away] = ends;
  if (reason === "DeadlineExceeded") {
    // What was never started had no time.
    const stuck = pods.map(troubleOf).find((one) => one !== undefined);
    if (stuck !== undefined && own === undefined) return { kind: "away", reason: stuck.reason };
    const late = "it did not end in the time that the Job has (DeadlineExceeded)";
    return { kind: "failed", reason: own === undefined ? late : `${late}; ${own.reason}` };
  }
  if (own !== undefined)
    return reason === "PodFailurePolicy" ? { kind: "failed", reason: `${own.reason} (${shown(message)})` } : own;
  if (away !== undefined) return away;
  return { kind: "failed", reason: `the Job failed: ${printable(reason)}: ${shown(message)}` };
}

/** How a pod ended, where it did not end well. */
function endOf(pod: PodShape): Extract<JobState, { kind: "failed" | "away" }> | undefined {
  const { status } = pod;
  const at = `pod ${nameOf(pod)}`;
  // Drained, preempted, collected: Kubernetes, "Pod disruption conditions".
  const disrupted = status?.conditions?.find((one) => one.type === "DisruptionTarget" && one.status === "True");
  if (disrupted !== undefined)
    return {
      kind: "away",
      reason: `${at} was taken from its node: ${shown(disrupted.message ?? disrupted.reason ?? "")}`,
    };
  if (status?.reason === "Evicted") {
    const said = shown(status.message ?? "");
    // Of its own limits the kubelet says that they are exceeded; of a node that has no more it says that it is low.
    const isOwn = /\bexceed(?:s|ed)\b[^.]*\blimit\b/i.test(said);
    return { kind: isOwn ? "failed" : "away", reason: `${at} was evicted: ${said}` };
  }
  for (const { name, state, lastState } of statusesOf(status)) {
    const end = state?.terminated ?? lastState?.terminated;
    if (end === undefined || end.exitCode === 0) continue;
    return { kind: "failed", reason: describeExit(name, end) };
  }
  if (status?.phase !== "Failed") return undefined;
  return {
    kind: "away",
    reason: `${at} was not started: ${printable(status.reason ?? "")}: ${shown(status.message ?? "")}`,
  };
}

type Terminated = NonNullable<NonNullable<ContainerShape["state"]>["terminated"]>;

function describeExit(name: string, { exitCode, reason = "", message = "" }: Terminated): string {
  const who = printable(name).slice(0, 100);
  if (reason === "OOMKilled") return `${who} used more memory than it may (OOMKilled)`;
  const cannotStart = new Set(["StartError", "ContainerCannotRun", "RunContainerError"]);
  if (cannotStart.has(reason)) return `${who} could not be started: ${shown(message)}`;
  const signal = exitCode > 128 && exitCode < 160 ? ` (signal ${exitCode - 128})` : "";
  return `${who} ended with status ${exitCode}${signal}`;
}

/** What a kubelet waits for that is none of the candidate's doing. */
const onImage = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "InvalidImageName",
  "RegistryUnavailable",
  "ImageInspectError",
  "SignatureValidationFailed",
]);
const onConfig = new Set(["CreateContainerConfigError", "CreateContainerError"]);

function troubleOf(pod: PodShape): Extract<JobState, { kind: "stuck" | "failed" }> | undefined {
  const { status } = pod;
  const unscheduled = status?.conditions?.find(
    (one) => one.type === "PodScheduled" && one.status === "False" && one.reason === "Unschedulable",
  );
  const at = `pod ${nameOf(pod)}`;
  if (unscheduled !== undefined)
    return {
      kind: "stuck",
      on: "node",
      reason: `${at} finds no node (Unschedulable): ${shown(unscheduled.message ?? "")}`,
    };
  for (const { name, state } of statusesOf(status)) {
    const { reason = "", message = "" } = state?.waiting ?? {};
    const words = `${at}: ${printable(name).slice(0, 100)}: ${reason}: ${shown(message)}`;
    if (onImage.has(reason)) return { kind: "stuck", on: "image", reason: `the cluster cannot pull it: ${words}` };
    if (!onConfig.has(reason)) continue;
    // The kubelet found the user that the candidate names.
    if (/\brunAsNonRoot\b/.test(message))
      return { kind: "failed", reason: `it would run as root, which the check does not let it: ${shown(message)}` };
    return { kind: "stuck", on: "config", reason: words };
  }
  return undefined;
}

function statusesOf(status: PodShape["status"]): readonly ContainerShape[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function nameOf({ metadata }: PodShape): string {
  return printable(metadata.name).slice(0, 100);
}

function shown(text: string): string {
  return printable(text.trim().slice(0, 500));
}
