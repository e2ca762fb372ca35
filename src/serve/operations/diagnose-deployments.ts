import { imagesOf } from "../../core/config/index.ts";
import { shortDigest } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { fail, warn, well, type Diagnosis, type Part } from "./diagnosis.ts";

type Deps = Pick<Context, "config" | "targetOf">;

/** The running systems of the configuration, each asked about one of its images. */
export function deploymentParts(deps: Deps): Part[] {
  return Object.entries(deps.config.deployments).map(([name, { environment }]) => ({
    name: `deployment ${name}`,
    look: (signal) => diagnoseDeployment(deps, name, environment, signal),
  }));
}

async function diagnoseDeployment(
  { config, targetOf }: Deps,
  deployment: string,
  environment: string,
  signal: AbortSignal,
): Promise<Diagnosis> {
  const name = `deployment ${deployment}`;
  const [image] = imagesOf(config, deployment);
  if (image === undefined) return warn(name, "it is of no image", "Name one, or take it out.");
  const target = targetOf(deployment);
  if (!target.observes) return well(name, "it cannot be asked what runs: what it has taken counts as running");
  const observed = await target.observe({ deployment, image, environment }, signal);
  if (observed.kind === "unknown") {
    const hint = `\`tidemill deploy ${image} ${environment} --dry-run\` says what would be done there.`;
    return fail(name, `it cannot be seen what it runs of ${image}: ${observed.reason}`, hint);
  }
  if (observed.kind === "absent") return well(name, `it answers; ${image} does not run there: ${observed.reason}`);
  return well(name, `it answers; it runs ${image}@${observed.digests.map(shortDigest).join(", ")}`);
}
