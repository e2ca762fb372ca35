import { describe, expect, it } from "vitest";
import { denialIn, judgeJob, podsOfJob, type JobState } from "./judge-job.ts";
import { jobShape } from "./job-shapes.ts";

const uid = "u";
type Status = Readonly<Record<string, unknown>>;
const podOf = (status: Status, more: Status = {}) => ({
  metadata: { name: "p", ownerReferences: [{ uid }], ...more },
  status,
});
const job = (type?: string, reason?: string, message?: string) =>
  jobShape.parse({
    metadata: { name: "j", uid },
    status: type === undefined ? {} : { conditions: [{ type, status: "True", reason, message }] },
  });
const state = (own: ReturnType<typeof job>, ...pods: Status[]): JobState =>
  judgeJob(
    own,
    podsOfJob(
      pods.map((status) => podOf(status)),
      uid,
    ),
  );
const exited = (exitCode: number, more: Status = {}): Status => ({
  phase: exitCode === 0 ? "Succeeded" : "Failed",
  containerStatuses: [{ name: "app", state: { terminated: { exitCode, ...more } } }],
});
const waiting = (reason: string, message = "m"): Status => ({
  phase: "Pending",
  containerStatuses: [{ name: "app", state: { waiting: { reason, message } } }],
});
const over = job("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
const unschedulable = {
  phase: "Pending",
  conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes are available" }],
};

describe("what a Job and its pods say of a candidate", () => {
  it.each<[string, JobState, JobState["kind"], RegExp]>([
    ["it is complete", state(job("Complete"), exited(0)), "complete", /^$/],
    ["it will be complete", state(job("SuccessCriteriaMet"), exited(0)), "complete", /^$/],
    ["it ended badly", state(over, exited(3)), "failed", /^app ended with status 3$/],
    ["a signal ended it", state(over, exited(139)), "failed", /^app ended with status 139 \(signal 11\)$/],
    [
      "it took too much memory",
      state(over, exited(137, { reason: "OOMKilled" })),
      "failed",
      /more memory than it may \(OOMKilled\)/,
    ],
    [
      "it has no such program",
      state(over, exited(128, { reason: "StartError", message: "exec: app: not found" })),
      "failed",
      /could not be started: exec: app: not found/,
    ],
    [
      "the first to prepare it failed",
      state(over, {
        phase: "Failed",
        initContainerStatuses: [{ name: "wait", state: { terminated: { exitCode: 2 } } }],
        containerStatuses: [{ name: "app", state: { waiting: { reason: "PodInitializing" } } }],
      }),
      "failed",
      /^wait ended with status 2$/,
    ],
    [
      "it was late",
      state(job("FailureTarget", "DeadlineExceeded"), { phase: "Running" }),
      "failed",
      /in the time that the Job has \(DeadlineExceeded\)$/,
    ],
    [
      "its time went by without a node",
      state(job("Failed", "DeadlineExceeded"), unschedulable),
      "away",
      /finds no node \(Unschedulable\): 0\/3 nodes/,
    ],
    [
      "a policy of its own ended it",
      state(job("Failed", "PodFailurePolicy", "rule 0"), exited(42)),
      "failed",
      /^app ended with status 42 \(rule 0\)$/,
    ],
    [
      "its node was drained",
      state(over, {
        ...exited(143),
        conditions: [{ type: "DisruptionTarget", status: "True", message: "Eviction API: evicting" }],
      }),
      "away",
      /taken from its node: Eviction API/,
    ],
    [
      "one of two pods was drained",
      state(over, { ...exited(143), conditions: [{ type: "DisruptionTarget", status: "True" }] }, exited(1)),
      "failed",
      /status 1$/,
    ],
    [
      "it wrote too much",
      state(over, {
        phase: "Failed",
        reason: "Evicted",
        message: "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
      }),
      "failed",
      /was evicted: Pod ephemeral/,
    ],
    [
      "it wrote too much to /tmp",
      state(over, {
        phase: "Failed",
        reason: "Evicted",
        message: 'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi". ',
      }),
      "failed",
      /EmptyDir/,
    ],
    [
      "its node had no disk left",
      state(over, {
        phase: "Failed",
        reason: "Evicted",
        message:
          "The node was low on resource: ephemeral-storage. Container app was using 1Ki, request is 0, has larger consumption of ephemeral-storage. ",
      }),
      "away",
      /low on resource/,
    ],
    [
      "its node did not take it",
      state(over, { phase: "Failed", reason: "OutOfcpu", message: "Node didn't have enough resource" }),
      "away",
      /OutOfcpu/,
    ],
    ["no pod of it is there any more", state(over), "failed", /BackoffLimitExceeded: Job has reached/],
    [
      "it cannot be pulled",
      state(job(), waiting("ImagePullBackOff", "Back-off pulling")),
      "stuck",
      /cannot pull it: pod p: app: ImagePullBackOff: Back-off pulling/,
    ],
    [
      "it would be root",
      state(job(), waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root")),
      "failed",
      /it would run as root/,
    ],
    [
      "a secret is not there",
      state(job(), waiting("CreateContainerConfigError", 'secret "s" not found')),
      "stuck",
      /secret "s" not found/,
    ],
    ["there is no node", state(job(), unschedulable), "stuck", /Unschedulable/],
    ["there is no pod yet", state(job()), "starts", /made no pod/],
    ["its image comes", state(job(), waiting("ContainerCreating")), "starts", /was not started: ContainerCreating/],
    [
      "it runs",
      state(job(), { phase: "Running", containerStatuses: [{ name: "app", state: { running: {} } }] }),
      "runs",
      /^$/,
    ],
    [
      "it is tried again",
      state(job(), {
        phase: "Running",
        containerStatuses: [
          {
            name: "app",
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 1 } },
          },
        ],
      }),
      "runs",
      /^$/,
    ],
    [
      "it says what it must not",
      state(over, exited(128, { reason: "StartError", message: "\u001b[2J\u202e" })),
      "failed",
      /\\u\{1b\}\[2J\\u\{202e\}/,
    ],
  ])("%s", (_, judged, kind, reason) => {
    expect(judged.kind).toBe(kind);
    expect("reason" in judged ? judged.reason : "").toMatch(reason);
  });

  it("is heard of its own pods alone, the newest first, whatever else stands in the list", () => {
    const at = (name: string, creationTimestamp: string, own = uid) =>
      podOf({}, { name, creationTimestamp, ownerReferences: [{ uid: own }] });
    const pods = podsOfJob(
      [
        1,
        null,
        { metadata: { name: [] } },
        at("old", "2026-01-01T00:00:00Z"),
        at("new", "2026-01-02T00:00:00Z"),
        at("other", "2026-01-03T00:00:00Z", "v"),
      ],
      uid,
    );
    expect(pods.map(({ metadata }) => metadata.name)).toEqual(["new", "old"]);
  });

  it.each([
    ['Error creating: pods "p" is forbidden: exceeded quota: small, requested: cpu=1', "lacking"],
    [
      'Error creating: pods "p" is forbidden: error looking up service account c/m: serviceaccount "m" not found',
      "lacking",
    ],
    ["Error creating: Internal error occurred: failed calling webhook", "lacking"],
    ['Error creating: pods "p" is forbidden: violates PodSecurity "restricted:latest": privileged', "forbidden"],
    ['Error creating: admission webhook "signed.example" denied the request: not signed', "forbidden"],
  ])("lets an event say why no pod is made: %s", (message, kind) => {
    const event = { reason: "FailedCreate", message, involvedObject: { uid } };
    expect(denialIn([7, { ...event, involvedObject: { uid: "v" } }, event], uid)?.kind).toBe(kind);
    expect(denialIn([{ ...event, reason: "SuccessfulCreate" }], uid)).toBeUndefined();
  });
});
