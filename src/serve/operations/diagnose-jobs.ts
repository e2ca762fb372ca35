import type { Context } from "../../loop/context.ts";
import { jobPlacesOf } from "../../loop/verify/index.ts";
import { fail, well, type Part } from "./diagnosis.ts";

/** The namespaces in which checks make Jobs, each asked whether we may. */
export function jobParts({ config, home, jobs }: Pick<Context, "config" | "home" | "jobs">): Part[] {
  if (jobs === undefined) return [];
  return jobPlacesOf(config, home).map((place) => {
    const { namespace, context, kubeconfig } = place;
    const name = `checks in ${namespace}`;
    const where = [kubeconfig ?? "the cluster that we are in", ...(context === undefined ? [] : [context])].join(", ");
    const look: Part["look"] = async (signal) => {
      const missing = await jobs.missing(place, signal);
      if (missing === undefined) return well(name, `Jobs can be made there (${where})`);
      const hint = "docs/checks.md says what a `job` check needs; until then candidates wait for its word.";
      return fail(name, `${where}: ${missing}`, hint);
    };
    return { name, look };
  });
}
