import { createReports, ForgeError } from "./io/forge/index.ts";
import type { ForgeReportRequest, ForgeReportView } from "./operation/index.ts";

/** Puts the comment of a pull request, or the status or check run of a commit. What the forge does not take is an answer like any other. */
export async function reportToForge({ place, token, say, signal }: ForgeReportRequest): Promise<ForgeReportView> {
  const reports = createReports({ kind: place.kind, api: place.api, repository: place.repository, token });
  try {
    if (say.kind === "comment") {
      const put = await reports.putComment(say.pull, say.marker, say.body, signal);
      return { kind: "done", what: put.kind, url: put.url };
    }
    if (say.kind === "check") {
      const { kind: _, sha, ...check } = say;
      if (reports.putCheck === undefined)
        return { kind: "failed", denied: true, reason: `${place.kind} has no check runs`, hint: null };
      const put = await reports.putCheck(sha, check, signal);
      return { kind: "done", what: put.kind, url: put.url };
    }
    const { sha, state, context, description, url } = say;
    await reports.setStatus(sha, { state, context, description, ...(url === undefined ? {} : { url }) }, signal);
    return { kind: "done", what: "made", url: null };
  } catch (error) {
    if (!(error instanceof ForgeError)) throw error;
    return {
      kind: "failed",
      denied: error.code === "DENIED",
      reason: error.message,
      hint: error.hint ?? null,
    };
  }
}
