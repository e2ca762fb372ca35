import { readFile } from "node:fs/promises";
import { describe, expect } from "vitest";
import { setTimeout as delay } from "node:timers/promises";
import { parseAllDocuments } from "yaml";
import { createCluster } from "../../src/io/cluster/index.ts";
import {
  createDeployTarget,
  type DeployMeans,
  type DeployRequest,
  type DeployTarget,
} from "../../src/io/deploy/index.ts";
import { loneMemory, loneWorld } from "../../src/io/deploy/testdata/lone-world.ts";
import { sha256, type Digest } from "../../src/lib/index.ts";
import { undoRollout, withCluster, type SmallCluster } from "./testdata/small-cluster.ts";

const minute = 60_000;
let cluster: SmallCluster;
const it = await withCluster((started) => (cluster = started));

const place = { deployment: "shop", image: "web", environment: "production" };
const [one, two, three] = [sha256("one"), sha256("two"), sha256("three")];
const reference = (digest: Digest): string => `registry.example/web@${digest}`;
const ask = (digest: Digest, previous: Digest | undefined, more: Partial<DeployRequest> = {}): DeployRequest => ({
  ...place,
  id: `for-${digest.slice(7, 15)}`,
  fence: 7,
  digest,
  reference: reference(digest),
  previous: previous && { digest: previous, reference: reference(previous) },
  kind: "forward",
  reason: "nginx 1.0 → 1.1 (CVE-1)",
  ...more,
});
const means = (more: Partial<DeployMeans> = {}): DeployMeans => ({
  signal: new AbortController().signal,
  deadlineMs: minute,
  confirmOurs: () => Promise.resolve(),
  memory: loneMemory(),
  isOurs: () => true,
  forced: false,
  ...more,
});

interface WorkloadObject {
  readonly metadata: { readonly resourceVersion: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

interface Namespace {
  readonly name: string;
  readonly target: DeployTarget;
  readonly path: (workload: string) => string;
  readonly image: (workload: string) => Promise<string | undefined>;
  /** Somebody else sets an image, as `kubectl set image` does. */
  readonly set: (workload: string, image: string) => Promise<void>;
}

let count = 0;
/** A namespace with workloads of an image that names a tag. */
async function open(
  workloads: readonly string[] = ["deployment/web"],
  more: Readonly<Record<string, unknown>> = {},
  user: "admin" | "tidemill" = "admin",
): Promise<Namespace> {
  count += 1;
  const name = `shop-${count}`;
  await cluster.ask("POST", "/api/v1/namespaces", { metadata: { name } });
  const path = (workload: string): string => {
    const [kind, own] = workload.split("/");
    return `/apis/${kind === "cronjob" ? "batch" : "apps"}/v1/namespaces/${name}/${kind}s/${own}`;
  };
  for (const workload of workloads) {
    const [kind, own = ""] = workload.split("/");
    const labels = { app: own, part: "shop" };
    const containers = [
      { name: "web", image: "registry.example/web:stable" },
      { name: "proxy", image: "registry.example/proxy:1" },
    ];
    const template = { metadata: { labels }, spec: { containers } };
    const spec =
      kind === "cronjob"
        ? {
            schedule: "0 0 1 1 *",
            jobTemplate: { spec: { template: { spec: { containers, restartPolicy: "Never" } } } },
          }
        : {
            template,
            selector: { matchLabels: { app: own } },
            ...(kind === "daemonset" ? {} : { replicas: 2 }),
            ...(kind === "statefulset" ? { serviceName: own } : {}),
            ...(kind === "deployment" ? { progressDeadlineSeconds: 30 } : {}),
          };
    await cluster.ask("POST", path(workload).replace(/\/[^/]*$/, ""), { metadata: { name: own, labels }, spec });
  }
  const config = { kubeconfig: cluster.kubeconfig(user), namespaces: [name], containers: {}, workloads, ...more };
  const world = {
    ...loneWorld("/"),
    cluster: (access: Parameters<ReturnType<typeof loneWorld>["cluster"]>[0]) => createCluster({ ...access, env: {} }),
  };
  const kubernetes = config as NonNullable<Parameters<typeof createDeployTarget>[0]["kubernetes"]>;
  const target = createDeployTarget({ environment: "production", deadline: minute, kubernetes }, world);
  return {
    name,
    target,
    path,
    image: async (workload) =>
      ((await cluster.ask("GET", path(workload))) as WorkloadObject).spec.template.spec.containers[0]?.image,
    set: async (workload, image) => {
      await cluster.ask("PATCH", path(workload), {
        spec: { template: { spec: { containers: [{ name: "web", image }] } } },
      });
    },
  };
}

const signal = new AbortController().signal;

/** Asks until it is no more under way, as the loop does. */
async function applyToEnd(
  target: DeployTarget,
  request: DeployRequest,
  given = means(),
): ReturnType<DeployTarget["apply"]> {
  for (let asked = 0; ; asked += 1) {
    const applied = await target.apply(request, given);
    if (applied.kind !== "again" || asked > 5) return applied;
  }
}

async function observeUntil(target: DeployTarget, digests: readonly Digest[]): Promise<void> {
  await expect.poll(() => target.observe(place, signal), { timeout: 20_000 }).toEqual({ kind: "running", digests });
}

describe("a Deployment of a real API server", () => {
  it(
    "is brought to a digest, rolled out, seen, and taken back",
    async () => {
      const { target, image, path } = await open();
      expect(await target.plan(ask(one, undefined), signal)).toEqual({
        steps: [
          `sets web of deployment/web in shop-${count} to ${reference(one)}`,
          "waits until its rollout is complete",
        ],
      });
      expect(await applyToEnd(target, ask(one, undefined))).toEqual({ kind: "applied" });
      expect(await image("deployment/web")).toBe(reference(one));
      await observeUntil(target, [one]);
      const { metadata } = (await cluster.ask("GET", path("deployment/web"))) as WorkloadObject;
      expect(metadata.annotations["kubernetes.io/change-cause"]).toContain("CVE-1");
      // What is done is not done again: who follows after a crash finds it as it is.
      expect(await applyToEnd(target, ask(one, undefined))).toEqual({ kind: "applied" });
      const again = (await cluster.ask("GET", path("deployment/web"))) as WorkloadObject;
      expect(again.metadata.resourceVersion).toBe(metadata.resourceVersion);

      expect(await applyToEnd(target, ask(two, one, { fence: 8 }))).toEqual({ kind: "applied" });
      await observeUntil(target, [two]);
      expect(await target.undo(ask(two, one, { fence: 9 }), means())).toEqual({ kind: "undone" });
      await observeUntil(target, [one]);
    },
    2 * minute,
  );

  it(
    "says by its pods why it does not take an image: that decides, or it is the cluster's own trouble",
    async () => {
      const { target, image } = await open();
      await applyToEnd(target, ask(one, undefined));
      cluster.behave(two, "crash");
      expect(await applyToEnd(target, ask(two, one))).toMatchObject({
        kind: "failed",
        reason: expect.stringMatching(/pod web-\S+: CrashLoopBackOff; it ended with 3; it cannot go on/),
      });
      expect((await target.observe(place, signal)) as unknown).toMatchObject({
        digests: expect.arrayContaining([one, two]),
      });
      expect(await target.undo(ask(two, one), means())).toEqual({ kind: "undone" });
      await observeUntil(target, [one]);
      cluster.behave(three, "unpullable");
      expect(await applyToEnd(target, ask(three, one))).toMatchObject({
        kind: "unreachable",
        reason: expect.stringContaining("ImagePullBackOff"),
      });
      // The registry is back.
      cluster.behave(three, "ready");
      expect(await applyToEnd(target, ask(three, one))).toEqual({ kind: "applied" });
      expect(await image("deployment/web")).toBe(reference(three));
      cluster.behave(two, "slow");
      expect(await target.apply(ask(two, three, { fence: 9 }), means({ deadlineMs: 1500 }))).toMatchObject({
        kind: "again",
        reason: expect.stringContaining("of 2 pods are updated"),
      });
      cluster.behave(two, "ready");
    },
    2 * minute,
  );

  it(
    "stays as a person or a later worker made it",
    async () => {
      const { target, image, set } = await open();
      await applyToEnd(target, ask(one, undefined));
      const stranger = sha256("stranger");
      await set("deployment/web", reference(stranger));
      await observeUntil(target, [stranger]);
      const refused = await target.apply(
        ask(two, one, { fence: 8 }),
        means({ isOurs: (digest) => digest !== stranger }),
      );
      expect(refused).toMatchObject({ kind: "stale", reason: expect.stringContaining("no attempt of ours brought") });
      expect(await image("deployment/web")).toBe(reference(stranger));
      expect(await applyToEnd(target, ask(two, one, { fence: 8 }), means({ forced: true }))).toEqual({
        kind: "applied",
      });
      // A person takes it out again while the attempt is still open.
      await set("deployment/web", reference(one));
      expect(await target.apply(ask(two, one, { fence: 9 }), means())).toMatchObject({
        kind: "stale",
        reason: expect.stringContaining("took out"),
      });
      // Who was stopped and wakes up late changes nothing, to neither side.
      expect(await target.apply(ask(three, one, { fence: 3 }), means())).toMatchObject({ kind: "stale" });
      expect(await target.undo(ask(one, two, { fence: 3 }), means())).toEqual({ kind: "undone" });
      expect(await image("deployment/web")).toBe(reference(one));
    },
    2 * minute,
  );

  it(
    "is not changed by a patch of what was there before somebody else's",
    async () => {
      const { target, image, set } = await open();
      await applyToEnd(target, ask(one, undefined));
      const stranger = sha256("stranger");
      let asked = 0;
      const confirmOurs = async (): Promise<void> => {
        asked += 1;
        if (asked === 1) await set("deployment/web", reference(stranger));
      };
      const applied = await target.apply(ask(two, one, { fence: 8 }), means({ confirmOurs, isOurs: () => false }));
      expect(applied).toMatchObject({ kind: "overruled", found: stranger });
      expect(await image("deployment/web")).toBe(reference(stranger));
      await expect(
        target.apply(ask(two, stranger, { fence: 9 }), means({ confirmOurs: () => Promise.reject(new Error("lost")) })),
      ).rejects.toThrow("lost");
      expect(await image("deployment/web")).toBe(reference(stranger));
    },
    2 * minute,
  );

  it(
    "is left to a person who undoes the rollout in the middle of it, also after a crash and on the way back",
    async () => {
      const { target, image, set, name } = await open();
      const memory = loneMemory();
      await applyToEnd(target, ask(one, undefined), means({ memory }));
      const slow = sha256("slow one");
      cluster.behave(slow, "slow");
      const request = ask(slow, one, { fence: 8 });
      expect(await target.apply(request, means({ memory, deadlineMs: 1500 }))).toMatchObject({ kind: "again" });
      // The controller has made a ReplicaSet of it: then the one before is what kubectl goes back to.
      await expect.poll(async () => (await target.observe(place, signal)).kind).toBe("running");
      await undoRollout(cluster, name, "web");
      expect(await image("deployment/web")).toBe(reference(one));
      const overruled = {
        kind: "overruled",
        found: one,
        reason: expect.stringContaining("took out what we had brought"),
      };
      for (const fence of [8, 9]) {
        expect(await target.apply({ ...request, fence }, means({ memory }))).toMatchObject(overruled);
        expect(await target.findOverruled?.({ ...request, fence }, means({ memory }))).toMatchObject(overruled);
      }
      // Nor does another attempt, or a way back, overwrite it.
      expect(await target.apply(ask(three, one, { fence: 10 }), means({ memory }))).toMatchObject(overruled);
      expect(await target.undo(ask(slow, one, { fence: 10 }), means({ memory }))).toEqual({ kind: "undone" });
      expect(await image("deployment/web")).toBe(reference(one));
      // The environment has gone back with them: then what is there is what is wanted, and the next one comes.
      expect(await applyToEnd(target, ask(one, one, { fence: 11, kind: "rollback" }), means({ memory }))).toEqual({
        kind: "applied",
      });
      expect(await applyToEnd(target, ask(two, one, { fence: 12 }), means({ memory }))).toEqual({ kind: "applied" });
      await set("deployment/web", "registry.example/web:stable");
      expect(await target.apply(ask(three, two, { fence: 13 }), means({ memory }))).toMatchObject({
        kind: "overruled",
        found: undefined,
        reason: expect.stringContaining("web names registry.example/web:stable"),
      });
      expect(await target.undo(ask(three, two, { fence: 14 }), means({ memory, deadlineMs: 100 }))).toEqual({
        kind: "undone",
      });
      expect(await image("deployment/web")).toBe("registry.example/web:stable");
    },
    2 * minute,
  );

  it(
    "goes on after a crash between what was about to be done and what is known of it",
    async () => {
      const { target, image, path, set } = await open();
      const memory = loneMemory();
      await applyToEnd(target, ask(one, undefined), means({ memory }));
      const before = {
        load: memory.load,
        save: async (value: unknown): Promise<void> => {
          await memory.save(value);
          if (JSON.stringify(value).includes("intent")) throw new Error("killed");
        },
      };
      await expect(target.apply(ask(two, one, { fence: 8 }), means({ memory: before }))).rejects.toThrow("killed");
      expect(await image("deployment/web")).toBe(reference(one));
      // What was not done yet is done, though a status has changed meanwhile.
      await cluster.ask("PATCH", path("deployment/web"), { metadata: { labels: { a: "b" } } });
      const after = {
        load: memory.load,
        save: async (value: unknown): Promise<void> => {
          if (!JSON.stringify(value).includes("intent")) throw new Error("killed");
          await memory.save(value);
        },
      };
      await expect(target.apply(ask(two, one, { fence: 9 }), means({ memory: after }))).rejects.toThrow("killed");
      expect(await image("deployment/web")).toBe(reference(two));
      expect(await applyToEnd(target, ask(two, one, { fence: 10 }), means({ memory }))).toEqual({ kind: "applied" });
      // Done, killed before it was known, and taken back by a person.
      await expect(target.apply(ask(three, two, { fence: 11 }), means({ memory: after }))).rejects.toThrow("killed");
      await set("deployment/web", reference(two));
      expect(await target.apply(ask(three, two, { fence: 12 }), means({ memory }))).toMatchObject({
        kind: "overruled",
        found: two,
      });
    },
    2 * minute,
  );

  it("that is paused, or is not there, is the cluster's own trouble", async () => {
    const { target, path } = await open();
    await cluster.ask("PATCH", path("deployment/web"), { spec: { paused: true } });
    expect(await target.apply(ask(one, undefined), means())).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining("paused"),
    });
    await cluster.ask("DELETE", path("deployment/web"));
    await expect
      .poll(() => target.observe(place, signal), { timeout: 20_000 })
      .toMatchObject({
        kind: "absent",
        reason: `deployment/web: there is no such workload in shop-${count}. It was deleted or renamed: name by \`workloads:\` what is there.`,
      });
    expect(await target.apply(ask(one, undefined), means())).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining("there is no such workload"),
    });
  });

  it("is refused where it is not what is meant: none, others, more, or without the image", async () => {
    const both = ["deployment/web", "deployment/worker"];
    const nothing = await open([], { workloads: undefined, selector: "part=shop" });
    expect(await nothing.target.apply(ask(one, undefined), means())).toEqual({
      kind: "unreachable",
      reason: `no workload in shop-${count} has the labels part=shop. Look at \`selector:\` and \`namespaces:\`.`,
    });
    const many = await open(both, { workloads: undefined, selector: "part=shop", count: 1 });
    const reason = `2 workloads run web, not 1: deployment/web in shop-${count}, deployment/worker in shop-${count}`;
    expect(await many.target.plan(ask(one, undefined), signal)).toMatchObject({
      problem: expect.stringContaining(reason),
    });
    expect(await many.target.observe(place, signal)).toMatchObject({ kind: "unknown" });
    expect(await many.target.apply(ask(one, undefined), means())).toMatchObject({ kind: "unreachable" });
    for (const workload of both) expect(await many.image(workload)).toBe("registry.example/web:stable");
    const partly = await open(["deployment/web"], { workloads: both });
    expect(await partly.target.apply(ask(one, undefined), means())).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining("deployment/worker: there is no such workload"),
    });
    expect(await partly.image("deployment/web")).toBe("registry.example/web:stable");
    const other = await open(["deployment/web"], { containers: { web: ["front"] } });
    expect(await other.target.observe(place, signal)).toMatchObject({
      kind: "absent",
      reason: expect.stringContaining("There is web of deployment/web in"),
    });
  });
});

describe("a place that is followed", () => {
  it(
    "is told of what a hand changes, at once; at rest nothing is told, and a workload that comes is followed with its pods",
    async () => {
      const { target, name, set, path } = await open(["deployment/web"], {
        workloads: undefined,
        selector: "part=shop",
      });
      let told = 0;
      const stop = new AbortController();
      const follow = target.follow?.(place, () => (told += 1), stop.signal);
      await expect.poll(() => follow?.isLive(), { timeout: 10_000 }).toBe(true);
      const started = performance.now();
      expect(await applyToEnd(target, ask(one, undefined))).toEqual({ kind: "applied" });
      await observeUntil(target, [one]);
      expect(performance.now() - started).toBeLessThan(20_000);
      // The last pods of before end after their rollout.
      const quiet = async (): Promise<boolean> => {
        const before = told;
        await delay(1000);
        return told === before;
      };
      await expect.poll(quiet, { timeout: 20_000 }).toBe(true);
      const before = told;
      await set("deployment/web", "registry.example/web:by-hand");
      await expect.poll(() => told, { timeout: 3000 }).toBeGreaterThan(before);

      const made = (await cluster.ask("GET", path("deployment/web"))) as WorkloadObject;
      const { template } = made.spec;
      const spec = { replicas: 0, selector: { matchLabels: { app: "web" } }, template };
      await cluster.ask("POST", `/apis/apps/v1/namespaces/${name}/deployments`, {
        metadata: { name: "second", labels: { part: "shop" } },
        spec,
      });
      await expect.poll(() => follow?.isLive(), { timeout: 5000 }).toBe(false);
      await expect.poll(() => follow?.isLive(), { timeout: 10_000 }).toBe(true);
      await expect.poll(quiet, { timeout: 20_000 }).toBe(true);
      const later = told;
      await cluster.ask("PATCH", path("deployment/second"), { spec: { replicas: 1 } });
      await expect.poll(() => told, { timeout: 3000 }).toBeGreaterThan(later);
      stop.abort();
      await expect.poll(() => follow?.isLive()).toBe(false);
    },
    2 * minute,
  );

  it(
    "is asked as before where we may not watch",
    async () => {
      const { target } = await open(["deployment/web"], {}, "tidemill");
      const stop = new AbortController();
      const follow = target.follow?.(place, () => undefined, stop.signal);
      expect(await target.observe(place, signal)).toMatchObject({ kind: "unknown" });
      expect(follow?.isLive()).toBe(false);
      stop.abort();
    },
    minute,
  );
});

describe("a cluster that denies", () => {
  it(
    "a change, by a policy: it has failed with the server's words, and is not tried for ever",
    async () => {
      const { target, name, image } = await open();
      await applyToEnd(target, ask(one, undefined));
      const policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
      await cluster.ask("POST", policies, {
        metadata: { name: "no-twos" },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"] },
            ],
          },
          validations: [
            {
              expression: `!object.spec.template.spec.containers.exists(c, c.image.contains('${two}'))`,
              message: "twos are not signed",
            },
          ],
        },
      });
      await cluster.ask("POST", policies.replace(/ies$/, "ybindings"), {
        metadata: { name: "no-twos" },
        spec: {
          policyName: "no-twos",
          validationActions: ["Deny"],
          matchResources: { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } } },
        },
      });
      const denied = { kind: "failed", reason: expect.stringMatching(/no-twos.*denied request: twos are not signed/) };
      // The server needs a moment until a policy holds.
      await expect
        .poll(
          async () => {
            const applied = await target.apply(ask(two, one, { fence: 8 }), means());
            if (applied.kind !== "failed")
              await applyToEnd(target, ask(one, two, { fence: 8 }), means({ forced: true }));
            return applied;
          },
          { timeout: minute },
        )
        .toMatchObject(denied);
      expect(await target.undo(ask(two, one, { fence: 9 }), means())).toEqual({ kind: "undone" });
      expect(await image("deployment/web")).toBe(reference(one));
      expect(await applyToEnd(target, ask(three, one, { fence: 10 }))).toEqual({ kind: "applied" });
    },
    2 * minute,
  );

  it(
    "pods, by a quota: the rollout has failed with the server's words",
    async () => {
      const { target, name, image } = await open();
      await applyToEnd(target, ask(one, undefined));
      const quotas = `/api/v1/namespaces/${name}/resourcequotas`;
      await cluster.ask("POST", quotas, { metadata: { name: "small" }, spec: { hard: { pods: "2" } } });
      // As the controller does that counts them.
      await cluster.ask("PATCH", `${quotas}/small/status`, {
        status: { hard: { pods: "2" }, used: { pods: "2" } },
      });
      expect(await applyToEnd(target, ask(two, one, { fence: 8 }))).toMatchObject({
        kind: "failed",
        reason: expect.stringMatching(/deployment\/web in \S+: FailedCreate: .*exceeded quota: small/),
      });
      expect(await target.undo(ask(two, one, { fence: 9 }), means())).toEqual({ kind: "undone" });
      expect(await image("deployment/web")).toBe(reference(one));
      await observeUntil(target, [one]);
    },
    2 * minute,
  );
});

describe("workloads of other kinds", () => {
  it(
    "come back where ordered pods never became ready, and the first goes back to what stood there",
    async () => {
      const { target, image } = await open(["statefulset/db"]);
      const bad = sha256("bad of the set");
      cluster.behave(bad, "crash");
      expect(await applyToEnd(target, ask(bad, undefined))).toMatchObject({
        kind: "failed",
        reason: expect.stringContaining("statefulset/db"),
      });
      expect(await target.undo(ask(bad, undefined), means())).toEqual({ kind: "undone" });
      expect(await image("statefulset/db")).toBe("registry.example/web:stable");
      expect(await applyToEnd(target, ask(one, undefined, { fence: 8 }))).toEqual({ kind: "applied" });
      expect(await applyToEnd(target, ask(bad, one, { fence: 9 }))).toMatchObject({ kind: "failed" });
      expect(await target.undo(ask(bad, one, { fence: 9 }), means())).toEqual({ kind: "undone" });
      await observeUntil(target, [one]);
    },
    3 * minute,
  );

  it(
    "are found by label, and brought to a digest by the rights of the example and no more",
    async () => {
      const workloads = ["statefulset/db", "daemonset/agent", "cronjob/report", "deployment/web"];
      const denied = await open(["deployment/web"], {}, "tidemill");
      expect(await denied.target.observe(place, signal)).toMatchObject({
        kind: "unknown",
        reason: expect.stringMatching(/it answered 403.*cannot get/),
      });
      const opened = await open(workloads, { workloads: undefined, selector: "part=shop" }, "tidemill");
      const text = await readFile(new URL("../../examples/kubernetes/rights.yaml", import.meta.url), "utf8");
      for (const document of parseAllDocuments(text)) {
        const object = document.toJS() as { kind: string; metadata: object };
        if (object.kind !== "Role" && object.kind !== "RoleBinding") continue;
        await cluster.ask(
          "POST",
          `/apis/rbac.authorization.k8s.io/v1/namespaces/${opened.name}/${object.kind.toLowerCase()}s`,
          {
            ...object,
            metadata: { ...object.metadata, namespace: opened.name },
            ...(object.kind === "RoleBinding"
              ? { subjects: [{ kind: "User", name: "tidemill", apiGroup: "rbac.authorization.k8s.io" }] }
              : {}),
          },
        );
      }
      await expect
        .poll(() => applyToEnd(opened.target, ask(one, undefined)), { timeout: minute })
        .toEqual({
          kind: "applied",
        });
      await observeUntil(opened.target, [one]);
      const stop = new AbortController();
      const follow = opened.target.follow?.(place, () => undefined, stop.signal);
      await expect.poll(() => follow?.isLive(), { timeout: 10_000 }).toBe(true);
      stop.abort();
      for (const workload of workloads.filter((name) => !name.startsWith("cronjob")))
        expect(await opened.image(workload)).toBe(reference(one));
      expect(await applyToEnd(opened.target, ask(two, one, { fence: 8 }))).toEqual({ kind: "applied" });
      await observeUntil(opened.target, [two]);
    },
    3 * minute,
  );
});
