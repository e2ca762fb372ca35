import { deploymentsOf } from "../../core/config/index.ts";
import { standingOf } from "../../core/deploy/index.ts";
import type { Context } from "../../loop/context.ts";
import { askDeployment, planDeployment } from "../../loop/deploy/index.ts";
import { OperationError, type OperationHandlers } from "../../operation/index.ts";
import { requireEnvironment, requireImage } from "./find-name.ts";

export interface DeployDeps {
  /** Has what was asked for carried out: at once, or by the server that works at the fleet. */
  readonly carryOut: () => Promise<void>;
}

/** `deploy`: a person has the running systems use what an environment names, whatever they run now. Throws NOT_FOUND, BUSY; a rule that forbids it is an answer. */
export function createDeploy(ctx: Context, { carryOut }: DeployDeps): OperationHandlers["deploy"] {
  return async ({ image, environment, dryRun, by, reason }) => {
    requireImage(ctx.config, image);
    requireEnvironment(ctx.config, environment);
    const { store } = ctx;
    const names = deploymentsOf(ctx.config, image, environment);
    if (names.length === 0) return { kind: "refused", reasons: [`no deployment is of ${image} in ${environment}`] };
    const pointers = await store.loadPointers(image);
    const digest = pointers.find((one) => one.environment === environment)?.digest ?? undefined;
    if (digest === undefined) return { kind: "refused", reasons: [`${environment} names nothing of ${image} yet`] };
    const places = names.map((deployment) => ({ deployment, image, environment }));
    if (dryRun) {
      const plans = places.map(async (place) => {
        const { steps, problem } = await planDeployment(ctx, place, digest);
        return { name: place.deployment, steps: [...steps], problem: problem ?? null };
      });
      return { kind: "planned", image, environment, digest, deployments: await Promise.all(plans) };
    }
    const reasons: string[] = [];
    let isAsked = false;
    for (const place of places) {
      const asked = await askDeployment(ctx, place, { digest, by, reason });
      if (asked.kind === "busy")
        throw new OperationError("BUSY", `a deployment of ${image} by ${place.deployment} is under way`, {
          hint: "Ask again when it has ended; `tidemill status` shows it.",
          retry: true,
        });
      if (asked.kind === "refused") reasons.push(...asked.reasons);
      isAsked ||= asked.kind === "asked";
    }
    if (reasons.length > 0) return { kind: "refused", reasons: [...new Set(reasons)] };
    if (isAsked) await carryOut();
    const known = await store.loadDeployed(image);
    const states = names.map((name) => {
      const standing = standingOf([name], image, digest, known);
      const waiting = known.find((one) => one.name === name)?.waiting ?? null;
      return { name, runs: standing?.kind === "runs", waiting };
    });
    return { kind: isAsked ? "asked" : "unchanged", image, environment, digest, deployments: states };
  };
}
