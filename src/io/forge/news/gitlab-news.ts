import { z } from "zod";
import type { AskForge } from "../ask-forge.ts";
import type { ForgeNews } from "./types.ts";

const states = { pending: "running", success: "success", failure: "failed", inactive: "canceled" } as const;
const deployment = z.looseObject({ id: z.number().int(), sha: z.string(), status: z.string() });

/**
 * GitLab REST API, version 4: Deployments. Each is made as one that runs, and then ended: so one whose answer was lost is found as the running one of its commit and environment. What was deployed stays so: GitLab itself knows that
 * a later one took its place.
 */
export function gitlabDeployments(ask: AskForge, project: string): NonNullable<ForgeNews["sayDeployment"]> {
  const path = `${project}/deployments`;
  return async ({ sha, ref, environment, state, remote }, signal) => {
    const find = async (): Promise<z.output<typeof deployment> | undefined> => {
      const query = new URLSearchParams({
        environment,
        status: "running",
        order_by: "id",
        sort: "desc",
        per_page: "100",
      });
      const all = await ask({ path: `${path}?${query.toString()}` }, z.array(deployment), signal);
      return all.find((one) => one.sha === sha);
    };
    const create = () =>
      ask(
        { path, method: "POST", body: { environment, sha, ref, tag: false, status: states.pending } },
        deployment,
        signal,
      );
    const found =
      remote === undefined
        ? ((await find()) ?? (await create()))
        : await ask({ path: `${path}/${Number(remote)}` }, deployment, signal);
    if (found.status === states.pending && state !== "pending")
      await ask({ path: `${path}/${found.id}`, method: "PUT", body: { status: states[state] } }, deployment, signal);
    return `${found.id}`;
  };
}
