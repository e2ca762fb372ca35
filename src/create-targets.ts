import type { Config } from "./core/config/index.ts";
import { createDeployTarget, type DeployTarget, type DeployWorld } from "./io/deploy/index.ts";

/** The running systems of the configuration, each made when it is first asked for. */
export function createTargets(config: Config, world: DeployWorld): (deployment: string) => DeployTarget {
  const targets = new Map<string, DeployTarget>();
  return (name) => {
    const known = targets.get(name);
    const declared = config.deployments[name];
    if (known !== undefined) return known;
    if (declared === undefined) throw new Error(`there is no deployment ${name}`);
    const target = createDeployTarget(declared, world);
    targets.set(name, target);
    return target;
  };
}
