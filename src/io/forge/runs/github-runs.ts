import { randomUUID } from "node:crypto";
import { z } from "zod";
import { runInputs, tooLarge, type ExternalPipeline, type FoundRun } from "../../../core/external/index.ts";
import { printable } from "../../../lib/index.ts";
import { ForgeError } from "../error.ts";
import { askGithub, repositoryPath } from "../github.ts";
import { webAddress } from "../../../lib/index.ts";
import { laterOr, namesRun, refusedStart } from "./run-answers.ts";

export interface GithubRunsOptions {
  /** Address of its API, without a slash at its end. */
  readonly api: string;
  readonly repository: string;
  /** File or number of the workflow. */
  readonly workflow: string;
  readonly ref: string;
  readonly token: string;
}

const begun = z.looseObject({ workflow_run_id: z.number().int(), html_url: z.string() }).nullish();
const runShape = z.looseObject({
  id: z.number().int(),
  name: z.string().nullish(),
  display_title: z.string().nullish(),
  status: z.string().nullish(),
  conclusion: z.string().nullish(),
  html_url: z.string(),
});
const list = z.looseObject({ workflow_runs: z.array(runShape) });
const workflowShape = z.looseObject({ state: z.string(), name: z.string() });

const perPage = 100;
const mostPages = 5;
/** Clocks of others differ. */
const skewMs = 120_000;
const hint =
  "Its token has to be one that may read and write Actions of the repository, and the workflow a file of its default branch with `on: workflow_dispatch`.";

/** Runs of a workflow of GitHub, or of an Enterprise Server. GitHub REST API, version 2022-11-28: Workflows, Workflow runs. */
export function createGithubRuns(options: GithubRunsOptions): ExternalPipeline {
  const { api, repository, workflow, ref } = options;
  const ask = askGithub({ kind: "github", ...options });
  const actions = `${repositoryPath(repository)}/actions`;
  const own = `${actions}/workflows/${encodeURIComponent(workflow)}`;

  const dispatch = (body: object, signal: AbortSignal) =>
    ask({ path: `${own}/dispatches`, method: "POST", body }, z.unknown(), signal);

  /** Servers that do not know of run details refuse to be asked for them, and begin nothing. */
  const begin = async (body: object, signal: AbortSignal): Promise<unknown> => {
    try {
      return await dispatch({ ...body, return_run_details: true }, signal);
    } catch (error) {
      const isOld =
        error instanceof ForgeError && error.code === "REFUSED" && error.message.includes("return_run_details");
      if (!isOld) throw error;
      return dispatch(body, signal);
    }
  };

  const find: ExternalPipeline["find"] = async (name, since, signal): Promise<FoundRun> => {
    const created = `>=${new Date(since - skewMs).toISOString().replace(/\.\d+Z$/, "Z")}`;
    for (let page = 1; page <= mostPages; page += 1) {
      const query = new URLSearchParams({
        event: "workflow_dispatch",
        created,
        per_page: `${perPage}`,
        page: `${page}`,
      });
      try {
        const { workflow_runs: runs } = await ask({ path: `${own}/runs?${query.toString()}` }, list, signal);
        const found = runs.find((run) => namesRun(run.display_title, name) || namesRun(run.name, name));
        if (found !== undefined) return { kind: "found", run: `${found.id}`, url: webAddress(found.html_url, api) };
        if (runs.length < perPage) break;
      } catch (error) {
        return laterOr(error, () => ({ kind: "hidden" }));
      }
    }
    return { kind: "none" };
  };

  return {
    start: async (order, signal) => {
      const large = tooLarge(order);
      if (large !== undefined) return { kind: "refused", reason: large, hint: undefined };
      try {
        const answer = begun.safeParse(await begin({ ref, inputs: runInputs(order) }, signal)).data;
        const url = answer === undefined || answer === null ? undefined : webAddress(answer.html_url, api);
        return { kind: "started", run: answer?.workflow_run_id.toString(), url };
      } catch (error) {
        return refusedStart(error, hint);
      }
    },
    find,
    look: async ({ run }, _name, signal) => {
      if (run === undefined) return { kind: "hidden" };
      try {
        const { status, conclusion, html_url: shown } = await ask({ path: `${actions}/runs/${run}` }, runShape, signal);
        const url = webAddress(shown, api);
        if (status !== "completed") return { kind: "running", url };
        if (conclusion === "success") return { kind: "succeeded", url };
        return {
          kind: "failed",
          url,
          reason: `it ended with ${printable(conclusion ?? "no conclusion").slice(0, 100)}`,
        };
      } catch (error) {
        return laterOr(error, () => ({ kind: "hidden" }));
      }
    },
    cancel: async ({ run }, signal) => {
      if (run === undefined) return { kind: "hidden" };
      try {
        await ask({ path: `${actions}/runs/${run}/cancel`, method: "POST" }, z.unknown(), signal);
        return { kind: "cancelled" };
      } catch (error) {
        // 409: it has ended.
        return laterOr(error, ({ code }) => ({ kind: code === "REFUSED" || code === "UNKNOWN" ? "over" : "hidden" }));
      }
    },
    check: async (signal) => {
      try {
        const { state } = await ask({ path: own }, workflowShape, signal);
        if (state !== "active")
          return { kind: "wrong", message: `${workflow} of ${repository} is ${printable(state)}`, hint: "Enable it." };
        // A ref that there is not is refused after the token was let through, and begins nothing.
        await dispatch({ ref: `tidemill-doctor-${randomUUID()}` }, signal);
        return { kind: "unknown", message: `${workflow} of ${repository} takes any ref`, hint: undefined };
      } catch (error) {
        if (!(error instanceof ForgeError)) throw error;
        if (error.code === "REFUSED" && /no ref found/i.test(error.message))
          return { kind: "well", message: `may run ${workflow} of ${repository}`, hint: undefined };
        const isOurs = error.code === "DENIED" || error.code === "UNKNOWN" || error.code === "REFUSED";
        return { kind: "wrong", message: error.message, hint: isOurs ? hint : error.hint };
      }
    },
  };
}
