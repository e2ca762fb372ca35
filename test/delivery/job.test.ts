import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { parseAllDocuments } from "yaml";
import { createCluster, createJobRunner, type JobRunner } from "../../src/io/cluster/index.ts";
import { sha256, systemClock } from "../../src/lib/index.ts";
import { check as checkSchema, type CheckConfig } from "../../src/core/config/checks-schema.ts";
import { checkJob } from "../../src/loop/verify/check-job.ts";
import { withCluster, type SmallCluster } from "./testdata/small-cluster.ts";

const minute = 60_000;
const patience = { lookMs: 200, lackMs: 1500, goneMs: 15_000 };
const signal = new AbortController().signal;
const amd64 = { os: "linux", architecture: "amd64" };
let cluster: SmallCluster;
const it = await withCluster((started) => (cluster = started));

interface JobInCluster {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly backoffLimit: number;
    readonly template: { readonly spec: Readonly<Record<string, unknown>> };
  };
}

interface Site {
  readonly namespace: string;
  readonly jobs: () => Promise<readonly JobInCluster[]>;
  readonly pods: () => Promise<number>;
  readonly ask: (
    digest: string,
    job?: Readonly<Record<string, unknown>>,
    more?: {
      timeout?: string;
      runner?: JobRunner;
      user?: "admin" | "tidemill";
      platform?: typeof amd64;
      signal?: AbortSignal;
    },
  ) => ReturnType<typeof checkJob>;
}

const runnerOf = (owner: string): JobRunner =>
  createJobRunner(
    owner,
    ({ kubeconfig, context }) => createCluster({ kubeconfig, context, env: {} }),
    systemClock,
    patience,
  );

let count = 0;
async function open(): Promise<Site> {
  count += 1;
  const namespace = `checks-${count}`;
  await cluster.ask("POST", "/api/v1/namespaces", { metadata: { name: namespace } });
  const own = runnerOf(`site-${count}`);
  const list = async (path: string) =>
    ((await cluster.ask("GET", path)) as { readonly items: readonly JobInCluster[] }).items;
  return {
    namespace,
    jobs: () => list(`/apis/batch/v1/namespaces/${namespace}/jobs`),
    pods: async () => (await list(`/api/v1/namespaces/${namespace}/pods`)).length,
    ask: (digest, job = {}, { timeout = "20s", runner = own, user = "admin", platform = amd64, signal: stop } = {}) => {
      const kubeconfig = cluster.kubeconfig(user);
      const asked = checkSchema.parse({ name: "migrate", job: { namespace, kubeconfig, ...job }, timeout });
      const name = sha256(digest);
      const told = { image: "web", environment: "staging", reference: `registry.example/web@${name}` };
      const referenceIn = (registry: string): string => `${registry}/web@${name}`;
      const request = { digest: name, told, referenceIn };
      return checkJob(asked as JobCheck, request, platform, { jobs: runner, home: cluster.folder }, stop ?? signal);
    },
  };
}
type JobCheck = Extract<CheckConfig, { job: unknown }>;
const behave = (digest: string, how: Parameters<SmallCluster["behave"]>[1]): void =>
  cluster.behave(sha256(digest), how);

/** Nothing of a check is left: neither the Job nor its pods. */
async function expectNothingLeft(site: Site): Promise<void> {
  expect(await site.jobs()).toEqual([]);
  expect(await site.pods()).toBe(0);
}

describe("a candidate that is tried in a cluster", () => {
  it(
    "passes where its Job is complete: with no rights, within limits, by its digest, and nothing stays",
    async () => {
      const site = await open();
      behave("good", {});
      const asked = site.ask("good", {
        command: ["app", "migrate", "$(HOME)"],
        env: { MODE: "check", PRICE: "5$" },
        registry: "reg.local:5000/shop",
        pullSecrets: ["registry"],
        runAsNonRoot: true,
      });
      await expect.poll(async () => (await site.jobs()).length, { timeout: 10_000 }).toBe(1);
      const [job] = await site.jobs();
      expect(job).toMatchObject({
        metadata: {
          name: expect.stringMatching(/^tidemill-migrate-[0-9a-f]{20}$/),
          labels: { "app.kubernetes.io/managed-by": "tidemill" },
          annotations: { "tidemill.dev/image": "web", "tidemill.dev/environment": "staging" },
        },
        spec: {
          backoffLimit: 0,
          activeDeadlineSeconds: 35,
          ttlSecondsAfterFinished: 600,
          template: {
            spec: {
              restartPolicy: "Never",
              automountServiceAccountToken: false,
              nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64" },
              securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
              imagePullSecrets: [{ name: "registry" }],
              containers: [
                {
                  image: `reg.local:5000/shop/web@${sha256("good")}`,
                  command: ["app", "migrate", "$$(HOME)"],
                  env: [
                    { name: "MODE", value: "check" },
                    { name: "PRICE", value: "5$$" },
                  ],
                  securityContext: {
                    allowPrivilegeEscalation: false,
                    capabilities: { drop: ["ALL"] },
                    readOnlyRootFilesystem: true,
                  },
                  resources: { limits: { cpu: "1", memory: "512Mi", "ephemeral-storage": "1Gi" } },
                },
              ],
            },
          },
        },
      });
      behave("good", { exit: 0, log: "12 tables\n" });
      expect(await asked).toEqual({ verdict: "passed", messages: [], log: "12 tables" });
      await expectNothingLeft(site);
    },
    minute,
  );

  it(
    "fails with its status and the end of what it said, of which a mebibyte is kept",
    async () => {
      const site = await open();
      const line = `${"x".repeat(99)}\n`;
      behave("bad", { exit: 3, log: `${line.repeat(15_000)}no such \u001b[31mtable\n` });
      const { verdict, messages, log } = await site.ask("bad");
      expect([verdict, messages[0], messages.at(-1)]).toEqual([
        "failed",
        "candidate ended with status 3",
        "no such \\u{1b}[31mtable",
      ]);
      expect(log?.length).toBeGreaterThan(1_000_000);
      expect(log?.length).toBeLessThan(1_200_000);
      behave("fat", { exit: 137, reason: "OOMKilled", log: "" });
      expect(await site.ask("fat")).toMatchObject({
        verdict: "failed",
        messages: ["candidate used more memory than it may (OOMKilled)"],
      });
      await expectNothingLeft(site);
    },
    minute,
  );

  it(
    "fails where it does not end in its time, with what it had said",
    async () => {
      const site = await open();
      behave("endless", { log: "waiting for db:5432\n" });
      expect(await site.ask("endless", {}, { timeout: "2s" })).toEqual({
        verdict: "failed",
        messages: ["it did not end within 2000 ms", "waiting for db:5432"],
        log: "waiting for db:5432",
      });
      await expectNothingLeft(site);
    },
    minute,
  );

  it(
    "is not run where the cluster cannot pull it, or has no such node: its word is waited for",
    async () => {
      const site = await open();
      behave("far", "unpullable");
      expect(await site.ask("far")).toMatchObject({
        verdict: "not_run",
        wordWanted: true,
        messages: [expect.stringMatching(/the cluster cannot pull it: pod \S+: candidate: ImagePullBackOff: Back-off/)],
      });
      const arm64 = { os: "linux", architecture: "arm64" };
      expect(await site.ask("far", {}, { platform: arm64, timeout: "2s" })).toMatchObject({
        verdict: "not_run",
        wordWanted: true,
        messages: [expect.stringMatching(/finds no node \(Unschedulable\): 0\/1 nodes/)],
      });
      const asked = await site.ask("far", { platforms: ["linux/amd64"] }, { platform: arm64 });
      expect(asked).toEqual({ verdict: "not_run", messages: ["it is asked on linux/amd64 alone"] });
      await expectNothingLeft(site);
    },
    minute,
  );
});

describe("what a cluster denies", () => {
  it(
    "by missing rights is not run, and says which; with the rights of the example it is",
    async () => {
      const site = await open();
      behave("modest", { exit: 0, log: "well\n" });
      expect(await site.ask("modest", {}, { user: "tidemill" })).toMatchObject({
        verdict: "not_run",
        wordWanted: true,
        messages: [
          expect.stringMatching(/it answered 403: .*cannot get resource "jobs".* docs\/checks\.md which a check/),
        ],
      });
      const place = { kubeconfig: cluster.kubeconfig("tidemill"), context: undefined, namespace: site.namespace };
      const missing = () => runnerOf("doctor").missing(place, signal);
      expect(await missing()).toBe(
        `the right to create jobs, get jobs, list jobs, delete jobs, list pods, get pods/log is missing in ${site.namespace}`,
      );
      expect(await runnerOf("doctor").missing({ ...place, kubeconfig: "/gone" }, signal)).toMatch(
        /\/gone: it cannot be/,
      );
      const text = await readFile(new URL("../../examples/kubernetes/rights-of-checks.yaml", import.meta.url), "utf8");
      for (const document of parseAllDocuments(text)) {
        const object = document.toJS() as { kind: string; metadata: object };
        if (object.kind === "ServiceAccount") continue;
        const subjects = [{ kind: "User", name: "tidemill", apiGroup: "rbac.authorization.k8s.io" }];
        await cluster.ask(
          "POST",
          `/apis/rbac.authorization.k8s.io/v1/namespaces/${site.namespace}/${object.kind.toLowerCase()}s`,
          {
            ...object,
            metadata: { ...object.metadata, namespace: site.namespace },
            ...(object.kind === "RoleBinding" ? { subjects } : {}),
          },
        );
      }
      await expect
        .poll(() => site.ask("modest", {}, { user: "tidemill" }), { timeout: 20_000 })
        .toEqual({ verdict: "passed", messages: [], log: "well" });
      expect(await missing()).toBeUndefined();
      await expectNothingLeft(site);
    },
    minute,
  );

  it(
    "by a quota is not run; by the rules of its namespace it fails, with the server's words",
    async () => {
      const site = await open();
      behave("any", { exit: 0 });
      expect(await site.ask("any", { namespace: "nowhere" })).toMatchObject({
        verdict: "not_run",
        messages: [expect.stringMatching(/namespaces "nowhere" not found/)],
      });
      const quotas = `/api/v1/namespaces/${site.namespace}/resourcequotas`;
      await cluster.ask("POST", quotas, { metadata: { name: "small" }, spec: { hard: { pods: "0" } } });
      // As the controller does that counts them.
      await cluster.ask("PATCH", `${quotas}/small/status`, { status: { hard: { pods: "0" }, used: { pods: "0" } } });
      expect(await site.ask("any", {}, { timeout: "3s" })).toMatchObject({
        verdict: "not_run",
        wordWanted: true,
        messages: [expect.stringMatching(/no pod of it is let in: .*exceeded quota: small/)],
      });
      await cluster.ask("DELETE", `${quotas}/small`);
      await cluster.ask("PATCH", `/api/v1/namespaces/${site.namespace}`, {
        metadata: { labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
      });
      expect(await site.ask("any")).toMatchObject({
        verdict: "failed",
        messages: [
          expect.stringMatching(/no pod of it is let in: .*violates PodSecurity "restricted:latest": runAsNonRoot/),
        ],
      });
      expect(await site.ask("any", { runAsNonRoot: true })).toMatchObject({ verdict: "passed" });
      await expectNothingLeft(site);
    },
    minute,
  );
});

describe("a Job by a manifest", () => {
  it(
    "runs the candidate beside what else it says, and is refused where the API server knows no such field",
    async () => {
      const site = await open();
      behave("by hand", { exit: 0, log: "migrated\n" });
      behave("wait", { exit: 0, log: "up\n" });
      const manifest = join(cluster.folder, "job.yaml");
      const text = `apiVersion: batch/v1
kind: Job
metadata: { name: migrate }
spec:
  template:
    spec:
      restartPolicy: OnFailure
      containers:
        - { name: app, image: registry.example/web, workingDir: /srv }
        - { name: beside, image: "registry.example/db@${sha256("wait")}" }
`;
      await writeFile(manifest, text);
      const { verdict, messages, log } = await site.ask("by hand", { manifest });
      expect([verdict, messages]).toEqual(["passed", []]);
      expect(log).toMatch(/^tidemill-migrate-\S+\/app \| migrated\ntidemill-migrate-\S+\/beside \| up$/);
      await writeFile(manifest, text.replace("workingDir", "workDir"));
      expect(await site.ask("by hand", { manifest })).toMatchObject({
        verdict: "failed",
        messages: [expect.stringMatching(/unknown field "spec\.template\.spec\.containers\[0\]\.workDir"/)],
      });
      await writeFile(manifest, "apiVersion: v1\nkind: Pod\n");
      expect(await site.ask("by hand", { manifest })).toMatchObject({
        verdict: "failed",
        messages: expect.arrayContaining([`${manifest}:1:13: apiVersion: it can only be batch/v1`]),
      });
      expect(await site.ask("by hand", { manifest: "gone.yaml" })).toMatchObject({
        verdict: "failed",
        messages: [expect.stringMatching(/gone\.yaml cannot be read/)],
      });
      await expectNothingLeft(site);
    },
    minute,
  );
});

describe("whoever asks is ended in the middle of it", () => {
  /** Another process that asks, killed once its Job runs; resolves to that Job. */
  async function kill(site: Site, digest: string, owner: string): Promise<JobInCluster> {
    const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
    const place = { kubeconfig: cluster.kubeconfig("admin"), namespace: site.namespace };
    const name = sha256(digest);
    const request = {
      place,
      check: "migrate",
      image: "web",
      environment: "staging",
      digest: name,
      reference: `registry.example/web@${name}`,
      platform: amd64,
      work: { kind: "own", own: {} },
      timeoutMs: 20_000,
      logBytes: 1_048_576,
    };
    const script = `
      const { createCluster, createJobRunner } = await import(${url("../../src/io/cluster/index.ts")});
      const runner = createJobRunner(${JSON.stringify(owner)}, (place) => createCluster({ ...place, env: {} }), { now: Date.now });
      await runner.run(${JSON.stringify(request)}, new AbortController().signal);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: "inherit" });
    await expect.poll(() => site.pods(), { timeout: 20_000 }).toBe(1);
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
    const [job] = await site.jobs();
    if (job === undefined) throw new Error("there is no Job");
    return job;
  }

  it(
    "by a kill: the next process of the installation takes away what it left, another's stays",
    async () => {
      const site = await open();
      behave("left", {});
      const { metadata } = await kill(site, "left", "mine");
      const place = { kubeconfig: cluster.kubeconfig("admin"), context: undefined, namespace: site.namespace };
      expect(await runnerOf("another").sweep([place], signal)).toBe(0);
      expect((await site.jobs()).map((one) => one.metadata.uid)).toEqual([metadata.uid]);
      const later = createJobRunner(
        "another",
        ({ kubeconfig, context }) => createCluster({ kubeconfig, context, env: {} }),
        {
          now: () => Date.now() + 30 * minute,
        },
      );
      const mine = runnerOf("mine");
      expect(await mine.sweep([{ ...place, kubeconfig: "/gone" }, place], signal)).toBe(1);
      await expect.poll(() => site.jobs(), { timeout: 10_000 }).toEqual([]);
      await expectNothingLeft(site);
      // What nobody of its own comes back for is anybody's to take away, once it is past its time.
      await kill(site, "left", "never again");
      expect(await later.sweep([place], signal)).toBe(1);
      await expect.poll(() => site.jobs(), { timeout: 10_000 }).toEqual([]);
    },
    minute,
  );

  it(
    "by a kill: another worker finds the same Job, waits for it and takes it away; there are never two",
    async () => {
      const site = await open();
      behave("again", {});
      const { metadata } = await kill(site, "again", "first");
      const second = site.ask("again", {}, { runner: runnerOf("second") });
      await expect.poll(async () => (await site.jobs()).length, { timeout: 5000 }).toBe(1);
      expect((await site.jobs())[0]?.metadata.uid).toBe(metadata.uid);
      behave("again", { exit: 4, log: "no\n" });
      expect(await second).toMatchObject({ verdict: "failed", messages: ["candidate ended with status 4", "no"] });
      await expectNothingLeft(site);
    },
    minute,
  );

  it(
    "by a stop: the Job goes with it; one of another make goes before ours comes",
    async () => {
      const site = await open();
      behave("stopped", {});
      const stop = new AbortController();
      const asked = site.ask("stopped", {}, { signal: stop.signal });
      await expect.poll(() => site.pods(), { timeout: 10_000 }).toBe(1);
      stop.abort(new Error("stopped"));
      await expect(asked).rejects.toThrow("stopped");
      await expectNothingLeft(site);
      const { metadata } = await kill(site, "stopped", "first");
      behave("stopped", { exit: 0, log: "" });
      const other = await site.ask("stopped", { env: { A: "1" } }, { runner: runnerOf("second") });
      expect(other).toMatchObject({ verdict: "passed" });
      expect((await site.jobs()).map((one) => one.metadata.uid)).not.toContain(metadata.uid);
      await expectNothingLeft(site);
    },
    minute,
  );
});
