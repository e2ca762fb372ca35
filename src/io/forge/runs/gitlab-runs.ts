import { randomUUID } from "node:crypto";
import { z } from "zod";
import { runInputs, tooLarge, type ExternalPipeline, type FoundRun } from "../../../core/external/index.ts";
import { printable } from "../../../lib/index.ts";
import { ForgeError } from "../error.ts";
import { askGitlab, projectPath } from "../gitlab.ts";
import { webAddress } from "../../../lib/index.ts";
import { laterOr, namesRun, refusedStart } from "./run-answers.ts";

export interface GitlabRunsOptions {
  /** Address of its API, without a slash at its end. */
  readonly api: string;
  readonly project: string;
  readonly ref: string;
  /** An access token. */
  readonly token: string | undefined;
  /** A trigger token: it starts pipelines, and no more. */
  readonly trigger: string | undefined;
}

const pipelineShape = z.looseObject({
  id: z.number().int(),
  name: z.string().nullish(),
  status: z.string(),
  web_url: z.string(),
});
const variables = z.array(z.looseObject({ key: z.string(), value: z.string().nullish() }));

const perPage = 50;
const mostPages = 4;
/** Pipelines whose variables are looked into for a name. */
const mostAsked = 20;
const skewMs = 120_000;
const ended = new Set(["failed", "canceled", "skipped"]);
const hint =
  "Its token has to be a trigger token of the project, or an access token with the scope `api` of somebody who may run pipelines of that ref with variables.";

/** Pipelines of a project of GitLab. GitLab REST API, version 4: Pipelines, Pipeline trigger tokens. */
export function createGitlabRuns({ api, project, ref, token, trigger }: GitlabRunsOptions): ExternalPipeline {
  const ask = askGitlab({ kind: "gitlab", api, repository: project, token });
  const own = projectPath(project);

  const begin = (at: string, told: Readonly<Record<string, string>>, signal: AbortSignal) =>
    trigger === undefined
      ? ask(
          {
            path: `${own}/pipeline`,
            method: "POST",
            body: { ref: at, variables: Object.entries(told).map(([key, value]) => ({ key, value })) },
          },
          pipelineShape,
          signal,
        )
      : ask(
          { path: `${own}/trigger/pipeline`, method: "POST", body: { token: trigger, ref: at, variables: told } },
          pipelineShape,
          signal,
        );

  const isNamed = async (id: number, name: string, signal: AbortSignal): Promise<boolean> => {
    const told = await ask({ path: `${own}/pipelines/${id}/variables` }, variables, signal);
    return told.some(({ key, value }) => key === "TIDEMILL_TAG" && value === name);
  };

  const find: ExternalPipeline["find"] = async (name, since, signal): Promise<FoundRun> => {
    if (token === undefined) return { kind: "hidden" };
    let asked = 0;
    try {
      for (let page = 1; page <= mostPages; page += 1) {
        const query = new URLSearchParams({
          ref,
          updated_after: new Date(since - skewMs).toISOString(),
          order_by: "id",
          sort: "desc",
          per_page: `${perPage}`,
          page: `${page}`,
        });
        const found = await ask({ path: `${own}/pipelines?${query.toString()}` }, z.array(pipelineShape), signal);
        for (const one of found) {
          const isIt = namesRun(one.name, name) || (asked < mostAsked && (await isNamed(one.id, name, signal)));
          asked += 1;
          if (isIt) return { kind: "found", run: `${one.id}`, url: webAddress(one.web_url, api) };
        }
        if (found.length < perPage) break;
      }
      return { kind: "none" };
    } catch (error) {
      return laterOr(error, () => ({ kind: "hidden" }));
    }
  };

  return {
    start: async (order, signal) => {
      const large = tooLarge(order);
      if (large !== undefined) return { kind: "refused", reason: large, hint: undefined };
      const told = Object.entries(runInputs(order)).map(([key, value]) => [`TIDEMILL_${key.toUpperCase()}`, value]);
      try {
        const made = await begin(ref, Object.fromEntries(told) as Record<string, string>, signal);
        return { kind: "started", run: `${made.id}`, url: webAddress(made.web_url, api) };
      } catch (error) {
        return refusedStart(error, hint);
      }
    },
    find,
    look: async ({ run }, _name, signal) => {
      if (run === undefined || token === undefined) return { kind: "hidden" };
      try {
        const { status, web_url: shown } = await ask({ path: `${own}/pipelines/${run}` }, pipelineShape, signal);
        const url = webAddress(shown, api);
        if (status === "success") return { kind: "succeeded", url };
        if (!ended.has(status)) return { kind: "running", url };
        return { kind: "failed", url, reason: `it ended as ${printable(status).slice(0, 100)}` };
      } catch (error) {
        return laterOr(error, () => ({ kind: "hidden" }));
      }
    },
    cancel: async ({ run }, signal) => {
      if (run === undefined || token === undefined) return { kind: "hidden" };
      try {
        await ask({ path: `${own}/pipelines/${run}/cancel`, method: "POST" }, z.unknown(), signal);
        return { kind: "cancelled" };
      } catch (error) {
        return laterOr(error, ({ code }) => ({ kind: code === "REFUSED" || code === "UNKNOWN" ? "over" : "hidden" }));
      }
    },
    check: async (signal) => {
      try {
        // A ref that there is not is refused after the token was let through, and begins nothing.
        await begin(`tidemill-doctor-${randomUUID()}`, {}, signal);
        return { kind: "unknown", message: `${project} takes any ref`, hint: undefined };
      } catch (error) {
        if (!(error instanceof ForgeError)) throw error;
        if (error.code === "REFUSED" && /reference not found/i.test(error.message)) {
          const more =
            token === undefined ? "; a trigger token shows no runs: its tag and its call are waited for" : "";
          return { kind: "well", message: `may run pipelines of ${project}${more}`, hint: undefined };
        }
        const isOurs = error.code === "DENIED" || error.code === "UNKNOWN" || error.code === "REFUSED";
        return { kind: "wrong", message: error.message, hint: isOurs ? hint : error.hint };
      }
    },
  };
}
