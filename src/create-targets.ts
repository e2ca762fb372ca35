import { join } from "node:path";
import { addressOfForge, type Config, type GitopsConfig } from "./core/config/index.ts";
import { createCluster } from "./io/cluster/index.ts";
import { createDeployTarget, type DeployTarget, type DeployWorld } from "./io/deploy/index.ts";
import { createForge, type Forge } from "./io/forge/index.ts";
import { createBranchWriter } from "./io/git/index.ts";
import {
  copyImage,
  createRegistryClient,
  dockerCredentials,
  type RegistryClient,
  type Repository,
} from "./io/registry/index.ts";
import { keepingTag, leaseMs } from "./loop/context.ts";

export interface TargetsOptions extends Pick<DeployWorld, "home" | "stateDir" | "clock"> {
  readonly repositoryOf: (image: string) => Repository;
  /** An image's name, for who sees the registry under a name of his own where he does. */
  readonly pullName: (image: string, registry?: string) => string;
  /** From which Git takes what it needs to reach repositories. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The running systems of a configuration. */
export interface Targets {
  /** Each is made when it is first asked for. Throws where the configuration has none of that name. */
  readonly targetOf: (deployment: string) => DeployTarget;
  readonly close: () => Promise<void>;
}

export function createTargets(config: Config, options: TargetsOptions): Targets {
  const insecure = Object.values(config.deployments).flatMap(({ tag }) =>
    tag?.insecure === true ? [tag.to.split("/")[0] ?? ""] : [],
  );
  const open = (): RegistryClient =>
    createRegistryClient({ credentials: dockerCredentials(), timeoutMs: leaseMs - 5_000, insecure });
  const { repositoryOf, pullName, env, ...rest } = options;
  const registries = open();
  const world: DeployWorld = {
    ...rest,
    pullName: ({ image, deployment }) => pullName(image, config.deployments[deployment]?.registry),
    branches: createBranchWriter({ dir: join(rest.stateDir, "git"), env }),
    forgeOf: (gitops) => forgeOf(gitops, env),
    cluster: (access) => createCluster({ ...access, env }),
    repository: (name) => registries.repository(name),
    copyImage: async (image, digest, to, { evidence, signal }) => {
      // A client remembers what it sent; what was sent may have been collected there since.
      const own = open();
      try {
        const tag = keepingTag(digest);
        await copyImage(repositoryOf(image), digest, own.repository(to), { tag, referrers: evidence, signal });
      } finally {
        await own.close();
      }
    },
  };
  const targets = new Map<string, DeployTarget>();
  const targetOf = (name: string): DeployTarget => {
    const known = targets.get(name);
    const declared = config.deployments[name];
    if (known !== undefined) return known;
    if (declared === undefined) throw new Error(`there is no deployment ${name}`);
    const target = createDeployTarget(declared, world);
    targets.set(name, target);
    return target;
  };
  return { targetOf, close: () => registries.close() };
}

/** The forge that a deployment proposes its changes to. What the configuration did not say follows from the address of its repository, or it had passed no validation. */
function forgeOf(
  { url, pullRequest }: GitopsConfig,
  env: Readonly<Record<string, string | undefined>>,
): Forge | undefined {
  if (pullRequest === undefined) return undefined;
  const { provider: kind } = pullRequest;
  const { api = "", repository = "" } = { ...addressOfForge(kind, url), ...defined(pullRequest) };
  return createForge({ kind, api, repository, token: env["TIDEMILL_FORGE_TOKEN"] ?? env["TIDEMILL_GIT_TOKEN"] });
}

function defined({ api, repository }: { readonly api?: string | undefined; readonly repository?: string | undefined }) {
  return { ...(api === undefined ? {} : { api }), ...(repository === undefined ? {} : { repository }) };
}
