import { z } from "zod";
import type { GitopsConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { isOfRepository } from "../../core/image/index.ts";
import { AppError, messageOf, printable, tryShape, type Digest } from "../../lib/index.ts";
import { digestOf, parseWorkload, workloadKinds, type Workload, type WorkloadKind } from "./kubernetes-workload.ts";
import type { TargetCluster } from "./types.ts";

export type FluxConfig = Extract<NonNullable<GitopsConfig["live"]>, { flux: unknown }>["flux"];

/** Kinds of Flux that apply what a repository says, where the API has them, and by which labels what they made is known. */
const kinds = {
  kustomization: {
    title: "Kustomization",
    group: "kustomize.toolkit.fluxcd.io",
    version: "v1",
    plural: "kustomizations",
  },
  helmRelease: { title: "HelmRelease", group: "helm.toolkit.fluxcd.io", version: "v2", plural: "helmreleases" },
} as const;

const text = z.string().max(100_000);
const applied = z.looseObject({
  metadata: z.looseObject({ generation: z.number().int().default(0) }),
  spec: z.looseObject({ suspend: z.boolean().default(false) }).prefault({}),
  status: z
    .looseObject({
      observedGeneration: z.number().int().default(-1),
      conditions: z
        .array(z.looseObject({ type: text, status: text, reason: text.optional(), message: text.optional() }))
        .max(100)
        .default([]),
    })
    .prefault({}),
});

/**
 * What runs by what Flux applied: the workloads that bear the labels of a Kustomization (kustomize-controller) or HelmRelease (helm-controller), rolled out, once Flux says that it is Ready for what is wanted of it
 * now (kstatus). `fill` puts the image's name into what the configuration says. Only an abort throws.
 */
export async function askFlux(
  flux: FluxConfig,
  cluster: Pick<TargetCluster, "read" | "list">,
  { repository, fill }: { readonly repository: string; readonly fill: (text: string) => string },
  signal: AbortSignal,
): Promise<Observed> {
  const kind = flux.kustomization === undefined ? "helmRelease" : "kustomization";
  const { title, group, version, plural } = kinds[kind];
  const [namespace = "", name = ""] = fill(flux[kind] ?? "").split("/");
  const what = `${title} ${namespace}/${name}`;
  try {
    const path = `/apis/${group}/${version}/namespaces/${namespace}/${plural}/${name}`;
    const found = await cluster.read(path, signal);
    if (found === undefined) return { kind: "unknown", reason: `there is no ${what}` };
    const notReady = whyNotReady(found, what);
    if (notReady !== undefined) return { kind: "unknown", reason: notReady };
    const selector = `${group}/name=${name},${group}/namespace=${namespace}`;
    const workloads = await listWorkloads(cluster, flux.namespaces, selector, signal);
    return readWorkloads(workloads, repository, what);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AppError)) throw error;
    return { kind: "unknown", reason: `what Flux applied cannot be read: ${messageOf(error)}` };
  }
}

function whyNotReady(value: unknown, what: string): string | undefined {
  const shaped = tryShape(applied, value);
  if (!shaped.success) return `${what} is not of a shape that is known`;
  const { metadata, spec, status } = shaped.data;
  if (spec.suspend) return `${what} is suspended: Flux applies nothing`;
  if (status.observedGeneration < metadata.generation) return `Flux has not seen the newest ${what} yet`;
  const ready = status.conditions.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return undefined;
  const said = [ready?.reason, ready?.message].flatMap((one) => (one === undefined || one === "" ? [] : [one]));
  return `Flux says that ${what} is not ready${said.length === 0 ? "" : `: ${printable(said.join(": ")).slice(0, 500)}`}`;
}

async function listWorkloads(
  cluster: Pick<TargetCluster, "list">,
  namespaces: readonly string[] | undefined,
  selector: string,
  signal: AbortSignal,
): Promise<Workload[]> {
  const lists = (Object.keys(workloadKinds) as WorkloadKind[]).flatMap((kind) => {
    const { group, plural } = workloadKinds[kind];
    const paths = namespaces?.map((one) => `${group}/namespaces/${one}/${plural}`) ?? [`${group}/${plural}`];
    return paths.map(async (path) =>
      (await cluster.list(path, selector, signal)).flatMap((item) => {
        const shaped = tryShape(placed, item);
        const workload = shaped.success ? parseWorkload(kind, shaped.data.metadata.namespace, item) : undefined;
        return workload ?? [];
      }),
    );
  });
  return (await Promise.all(lists)).flat();
}

const placed = z.looseObject({ metadata: z.looseObject({ namespace: z.string().max(253) }) });

function readWorkloads(workloads: readonly Workload[], repository: string, what: string): Observed {
  const own = workloads.flatMap((workload) => {
    const images = workload.containers.filter(({ image }) => isOfRepository(image, repository));
    return images.length === 0 ? [] : [{ workload, images }];
  });
  if (own.length === 0) return { kind: "absent", reason: `nothing of ${what} runs ${repository}` };
  const late = own.find(({ workload }) => workload.rollout.kind !== "done")?.workload;
  if (late !== undefined && late.rollout.kind !== "done")
    return { kind: "unknown", reason: `${late.title}: ${late.rollout.reason}` };
  const digests = own.flatMap(({ images }) => images.map(({ image }) => digestOf(image)));
  const known = digests.filter((digest): digest is Digest => digest !== undefined);
  if (known.length < digests.length) return { kind: "unknown", reason: `${what} runs ${repository} without a digest` };
  return { kind: "running", digests: [...new Set(known)] };
}
