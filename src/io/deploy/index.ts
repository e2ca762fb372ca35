import type { DeploymentConfig } from "../../core/config/index.ts";
import { createCommandTarget } from "./command-target.ts";
import { createComposeTarget } from "./compose-target.ts";
import { createGitopsTarget } from "./gitops-target.ts";
import { createKubernetesTarget } from "./kubernetes-target.ts";
import { createTagTarget } from "./tag-target.ts";
import type { DeployTarget, DeployWorld } from "./types.ts";
import { createWebhookTarget } from "./webhook-target.ts";

export type {
  Applied,
  DeployMeans,
  DeployPlan,
  DeployRequest,
  DeployTarget,
  DeployWorld,
  FollowedPlace,
  Overruled,
  Place,
  PlaceMemory,
  Undone,
} from "./types.ts";

/** Every kind of running system, by its key in a deployment. Another one is: a file, a line here, its schema, a test. */
const deployTargets = {
  compose: createComposeTarget,
  kubernetes: createKubernetesTarget,
  command: createCommandTarget,
  webhook: createWebhookTarget,
  tag: createTagTarget,
  gitops: createGitopsTarget,
} satisfies {
  readonly [Kind in TargetKind]: (config: NonNullable<DeploymentConfig[Kind]>, world: DeployWorld) => DeployTarget;
};

type TargetKind = Exclude<keyof DeploymentConfig, "environment" | "images" | "deadline" | "registry">;

/** The target that a deployment names. */
export function createDeployTarget(config: DeploymentConfig, world: DeployWorld): DeployTarget {
  for (const kind of Object.keys(deployTargets) as TargetKind[]) {
    const own = config[kind];
    const create = deployTargets[kind] as (own: unknown, world: DeployWorld) => DeployTarget;
    if (own !== undefined) return create(own, world);
  }
  throw new Error("a deployment without a target passes no validation");
}
