import { z } from "zod";
import type { AskForge } from "../ask-forge.ts";
import type { ReportsApi } from "../reports/types.ts";
import type { ForgeNews } from "./types.ts";

/** By what ours are told from those of other tools. */
const task = "tidemill";
const longestDescription = 140;
const states = { pending: "in_progress", success: "success", failure: "failure", inactive: "inactive" } as const;

const status = z.looseObject({
  state: z.string().optional(),
  status: z.string().optional(),
  context: z.string(),
  description: z.string().nullish(),
});
const deployment = z.looseObject({ id: z.number().int(), payload: z.unknown() });
const deploymentStatus = z.looseObject({ state: z.string() });

/** Statuses as GitHub and Gitea have them: the newest word of a name comes first. GitHub REST API 2022-11-28: Commit statuses; Gitea API 1: repository. */
export function sayOnce(
  ask: AskForge,
  repo: string,
  { setStatus }: Pick<ReportsApi, "setStatus">,
): ForgeNews["sayStatus"] {
  return async (sha, wanted, signal) => {
    const path = `${repo}/commits/${sha}/statuses?per_page=100&sort=recentupdate`;
    const all = await ask({ path }, z.array(status), signal);
    const last = all.find(({ context }) => context === wanted.context);
    const text = wanted.description.slice(0, longestDescription);
    const isSaid =
      last !== undefined && (last.state ?? last.status) === wanted.state && (last.description ?? "") === text;
    if (!isSaid) await setStatus(sha, { ...wanted, description: text }, signal);
  };
}

/** GitHub REST API, version 2022-11-28: Deployments, Deployment statuses. */
export function githubDeployments(ask: AskForge, repo: string): NonNullable<ForgeNews["sayDeployment"]> {
  return async ({ key, sha, environment, state, description, remote }, signal) => {
    const find = async (): Promise<number | undefined> => {
      const query = new URLSearchParams({ sha, environment, task, per_page: "100" });
      const all = await ask({ path: `${repo}/deployments?${query.toString()}` }, z.array(deployment), signal);
      return all.find(({ payload }) => keyOf(payload) === key)?.id;
    };
    const create = async (): Promise<number> => {
      // The commit was built and proven by us: what the forge's own checks say of it is not waited for.
      const body = {
        ref: sha,
        task,
        environment,
        description: description.slice(0, longestDescription),
        payload: { [task]: key },
        auto_merge: false,
        required_contexts: [],
      };
      return (await ask({ path: `${repo}/deployments`, method: "POST", body }, deployment, signal)).id;
    };
    const id = remote === undefined ? ((await find()) ?? (await create())) : Number(remote);
    const statuses = `${repo}/deployments/${id}/statuses`;
    const [last] = await ask({ path: `${statuses}?per_page=1` }, z.array(deploymentStatus), signal);
    const wanted = states[state];
    if (last?.state !== wanted) {
      const body = { state: wanted, description: description.slice(0, longestDescription), auto_inactive: true };
      await ask({ path: statuses, method: "POST", body }, z.unknown(), signal);
    }
    return `${id}`;
  };
}

/** A payload comes back as it was sent, or as a text of it. */
function keyOf(payload: unknown): unknown {
  const shape = z.looseObject({ [task]: z.string() });
  if (typeof payload !== "string") return shape.safeParse(payload).data?.[task];
  try {
    return shape.safeParse(JSON.parse(payload)).data?.[task];
  } catch {
    return undefined;
  }
}
