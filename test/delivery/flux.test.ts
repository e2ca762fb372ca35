import { describe, expect } from "vitest";
import { setTimeout as delay } from "node:timers/promises";
import { createCluster } from "../../src/io/cluster/index.ts";
import { askLive } from "../../src/io/deploy/live.ts";
import { sha256 } from "../../src/lib/index.ts";
import { withCluster, type SmallCluster } from "./testdata/small-cluster.ts";

const minute = 60_000;
const signal = new AbortController().signal;
const [one, two] = [sha256("one"), sha256("two")];
const repository = "registry.example/web";
const place = { deployment: "shop", image: "web", environment: "production" };
let cluster: SmallCluster;
const it = await withCluster(async (started) => {
  cluster = started;
  await define("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations");
  await define("helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases");
  for (const name of ["flux-system", "shop"])
    await cluster.ask("POST", "/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name } });
});

/** A kind as Flux defines it, as far as its status is a resource of its own and generations are counted. */
async function define(group: string, version: string, kind: string, plural: string): Promise<void> {
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const versions = [{ name: version, served: true, storage: true, schema, subresources: { status: {} } }];
  await cluster.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: { group, names: { kind, plural, singular: kind.toLowerCase() }, scope: "Namespaced", versions },
  });
  const list = `/apis/${group}/${version}/${plural}`;
  for (let count = 0; count < 200; count += 1) {
    if (typeof (await cluster.ask("GET", list).catch(() => "")) === "object") {
      const found = (await cluster.ask("GET", list)) as { readonly kind: string };
      if (found.kind === `${kind}List`) return;
    }
    await delay(100);
  }
  throw new Error(`${list} does not come up`);
}

/** What the controllers of Flux write down of what they applied. */
async function say(
  path: string,
  generation: number,
  ready: "True" | "False" | "Unknown",
  message: string,
): Promise<void> {
  const conditions = [
    { type: "Ready", status: ready, reason: ready === "True" ? "ReconciliationSucceeded" : "BuildFailed", message },
  ];
  await cluster.ask("PATCH", `${path}/status`, [
    { op: "add", path: "/status", value: { observedGeneration: generation, conditions } },
  ]);
}

/** A Deployment that bears the labels which `group`'s controller gives what it applies. */
async function apply(name: string, image: string, group: string, by: string): Promise<void> {
  const [namespace, own] = by.split("/");
  const labels = { app: name };
  await cluster.ask("POST", "/apis/apps/v1/namespaces/shop/deployments", {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, labels: { [`${group}/name`]: own, [`${group}/namespace`]: namespace } },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          containers: [
            { name: "main", image },
            { name: "proxy", image: "proxy:1" },
          ],
        },
      },
    },
  });
}

const see = (flux: object) =>
  askLive(
    {
      flux: {
        kubeconfig: undefined,
        context: undefined,
        namespaces: undefined,
        kustomization: undefined,
        helmRelease: undefined,
        ...flux,
      },
    },
    place,
    {
      repository,
      cluster: () => createCluster({ kubeconfig: cluster.kubeconfig("admin"), context: undefined, env: {} }),
    },
    signal,
  );

/** Waits for what the controllers of the cluster come to. */
const until = (wanted: object, flux: object): Promise<void> =>
  expect.poll(() => see(flux), { timeout: 20_000, interval: 200 }).toMatchObject(wanted);

describe("what Flux applied, with a real API server", () => {
  it(
    "runs once its Kustomization is ready for what is wanted now, and its workloads are rolled out",
    async () => {
      const list = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations";
      const flux = { kustomization: "flux-system/{image}-apps" };
      expect(await see(flux)).toEqual({ kind: "unknown", reason: "there is no Kustomization flux-system/web-apps" });
      await cluster.ask("POST", list, {
        apiVersion: "kustomize.toolkit.fluxcd.io/v1",
        kind: "Kustomization",
        metadata: { name: "web-apps" },
        spec: { interval: "1m", path: "./apps" },
      });
      expect(await see(flux)).toMatchObject({
        kind: "unknown",
        reason: expect.stringContaining("has not seen") as string,
      });
      await say(`${list}/web-apps`, 1, "False", "kustomize build failed: no such file\u001b[31m");
      expect(await see(flux)).toEqual({
        kind: "unknown",
        reason: String.raw`Flux says that Kustomization flux-system/web-apps is not ready: BuildFailed: kustomize build failed: no such file\u{1b}[31m`,
      });
      await say(`${list}/web-apps`, 1, "True", "Applied revision: main@sha1:1234");
      expect(await see(flux)).toMatchObject({ kind: "absent" });

      await apply("web", `${repository}:1@${one}`, "kustomize.toolkit.fluxcd.io", "flux-system/web-apps");
      await apply("other", `${repository}@${two}`, "kustomize.toolkit.fluxcd.io", "flux-system/other");
      await until({ kind: "running", digests: [one] }, flux);
      await until({ kind: "running", digests: [one] }, { ...flux, namespaces: ["shop"] });
      expect(await see({ ...flux, namespaces: ["flux-system"] })).toMatchObject({ kind: "absent" });

      // What is wanted has changed, and Flux has not come to it.
      await cluster.ask("PATCH", `${list}/web-apps`, [{ op: "replace", path: "/spec/path", value: "./more" }]);
      expect(await see(flux)).toMatchObject({ kind: "unknown" });
      await say(`${list}/web-apps`, 2, "True", "");
      expect(await see(flux)).toMatchObject({ kind: "running" });
      await cluster.ask("PATCH", `${list}/web-apps`, [{ op: "add", path: "/spec/suspend", value: true }]);
      expect(await see(flux)).toMatchObject({
        kind: "unknown",
        reason: expect.stringContaining("suspended") as string,
      });
    },
    minute,
  );

  it(
    "runs by a HelmRelease; a tag is no digest, and a pod that does not start is not running",
    async () => {
      const list = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/shop/helmreleases";
      const flux = { helmRelease: "shop/web" };
      const metadata = { name: "web" };
      await cluster.ask("POST", list, {
        apiVersion: "helm.toolkit.fluxcd.io/v2",
        kind: "HelmRelease",
        metadata,
        spec: {},
      });
      await say(`${list}/web`, 1, "True", "Helm upgrade succeeded");
      await apply("tagged", `${repository}:2`, "helm.toolkit.fluxcd.io", "shop/web");
      await until({ kind: "unknown", reason: `HelmRelease shop/web runs ${repository} without a digest` }, flux);
      await cluster.ask("DELETE", "/apis/apps/v1/namespaces/shop/deployments/tagged");
      cluster.behave(two, "crash");
      await apply("crashing", `${repository}@${two}`, "helm.toolkit.fluxcd.io", "shop/web");
      await until({ kind: "unknown", reason: expect.stringMatching(/deployment\/crashing in shop: /) as string }, flux);
    },
    minute,
  );

  it("cannot be asked by whom the cluster denies it", async () => {
    const denied = await askLive(
      {
        flux: {
          kubeconfig: undefined,
          context: undefined,
          namespaces: undefined,
          helmRelease: undefined,
          kustomization: "flux-system/web-apps",
        },
      },
      place,
      {
        repository,
        cluster: () => createCluster({ kubeconfig: cluster.kubeconfig("tidemill"), context: undefined, env: {} }),
      },
      signal,
    );
    expect(denied).toMatchObject({
      kind: "unknown",
      reason: expect.stringMatching(/cannot be read: .*forbidden/i) as string,
    });
  });
});
