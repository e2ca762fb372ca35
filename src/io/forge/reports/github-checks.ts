import { z } from "zod";
import { webAddress } from "../../../lib/index.ts";
import type { AskForge } from "../ask-forge.ts";
import type { CheckRun, PutComment } from "./types.ts";

const run = z.looseObject({
  id: z.number().int(),
  external_id: z.string().nullish(),
  conclusion: z.string().nullish(),
  html_url: z.string().nullish(),
  output: z.looseObject({ title: z.string().nullish(), summary: z.string().nullish() }).nullish(),
});
const runs = z.looseObject({ check_runs: z.array(run) });

const longestSummary = 65_535;

/**
 * The check run of a commit by its name: ours is changed, and there is one however often it is put. GitHub REST API 2022-11-28, Checks: only tokens of apps may, of which a job's is one.
 */
export function putGithubCheck(ask: AskForge, repo: string, api: string) {
  return async (
    sha: string,
    { name, state, title, summary, url }: CheckRun,
    signal: AbortSignal,
  ): Promise<PutComment> => {
    const wanted = { title: title.slice(0, 255), summary: summary.slice(0, longestSummary) };
    const body = {
      name,
      // A later run of the same job finds by it what it said before.
      external_id: `tidemill ${name}`,
      status: "completed",
      conclusion: state,
      output: wanted,
      ...(url === undefined ? {} : { details_url: url }),
    };
    const query = new URLSearchParams({ check_name: name, filter: "latest", per_page: "100" });
    const found = await ask({ path: `${repo}/commits/${sha}/check-runs?${query.toString()}` }, runs, signal);
    const own = found.check_runs.find(({ external_id }) => external_id === body.external_id);
    const at = (made: z.output<typeof run>): string => webAddress(made.html_url ?? "", api);
    if (own === undefined) {
      const made = await ask(
        { path: `${repo}/check-runs`, method: "POST", body: { ...body, head_sha: sha } },
        run,
        signal,
      );
      return { kind: "made", url: at(made) };
    }
    const isSame =
      own.conclusion === state && own.output?.title === wanted.title && own.output.summary === wanted.summary;
    if (isSame) return { kind: "same", url: at(own) };
    return {
      kind: "changed",
      url: at(await ask({ path: `${repo}/check-runs/${own.id}`, method: "PATCH", body }, run, signal)),
    };
  };
}
