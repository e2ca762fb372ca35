import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { resolve } from "node:path";
import type { Config } from "./core/config/index.ts";
import { createCluster, createJobRunner, type Cluster, type JobPlace, type JobRunner } from "./io/cluster/index.ts";
import type { Clock } from "./lib/index.ts";
import { jobPlacesOf } from "./loop/verify/index.ts";

export interface JobsOptions {
  /** Folder of the configuration: kubeconfigs are relative to it. */
  readonly home: string;
  /** Folder of the state: with the machine's name it says whose Jobs are ours. */
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Pick<Clock, "now">;
  readonly signal: AbortSignal;
}

/** What tries candidates in the clusters of a configuration. What a killed process left in them is taken away meanwhile: nobody waits for that. */
export function createJobs(
  config: Config,
  { home, dataDir, env, clock, signal }: JobsOptions,
): { readonly jobs: JobRunner; readonly close: () => Promise<unknown> } {
  const owner = createHash("sha256")
    .update(JSON.stringify([hostname(), resolve(dataDir)]))
    .digest("hex");
  // What a program gave for one check serves the next.
  const clusters = new Map<string, Cluster>();
  const clusterOf = ({ kubeconfig, context }: JobPlace): Cluster => {
    const key = JSON.stringify([kubeconfig, context]);
    const cluster = clusters.get(key) ?? createCluster({ kubeconfig, context, env });
    clusters.set(key, cluster);
    return cluster;
  };
  const jobs = createJobRunner(owner.slice(0, 32), clusterOf, clock);
  const sweeping = jobs.sweep(jobPlacesOf(config, home), signal).catch(() => 0);
  return { jobs, close: () => sweeping };
}
