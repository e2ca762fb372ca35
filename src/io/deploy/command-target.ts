import type { CommandConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import { readRunning } from "./read-running.ts";
import { describeEnd, runProgram } from "../../lib/index.ts";
import type { DeployRequest, DeployTarget, DeployWorld, Place } from "./types.ts";

/** How long a program may take to say what runs. */
const observeMs = 60_000;
/** EX_UNAVAILABLE of sysexits.h: what it works at does not answer, which says nothing of the image. */
const unavailable = 69;
/** EX_TEMPFAIL: it is under way, or may be done soon. */
const again = 75;
/** EX_NOPERM: it has seen a later worker, or finds something that it must not replace. */
const refused = 77;

/**
 * A program of one's own. It is told all by variables: TIDEMILL_ACTION (`apply`, `undo`, `observe`), _DEPLOYMENT, _IMAGE, _ENVIRONMENT, and but for `observe` _DIGEST, _REFERENCE, _PREVIOUS, _PREVIOUS_REFERENCE, _ID (of the attempt), _KIND, _REASON,
 * _FORCED (`1` where a person says that whatever runs is replaced) and _FENCE, which grows: one that keeps it can refuse a late worker.
 */
export function createCommandTarget(config: CommandConfig, { home }: DeployWorld): DeployTarget {
  const about = ({ deployment, image, environment }: Place): Record<string, string> => ({
    TIDEMILL_DEPLOYMENT: deployment,
    TIDEMILL_IMAGE: image,
    TIDEMILL_ENVIRONMENT: environment,
  });
  const told = (request: DeployRequest, action: "apply" | "undo", forced: boolean): Record<string, string> => ({
    ...about(request),
    TIDEMILL_ACTION: action,
    TIDEMILL_DIGEST: request.digest,
    TIDEMILL_REFERENCE: request.reference,
    TIDEMILL_PREVIOUS: request.previous?.digest ?? "",
    TIDEMILL_PREVIOUS_REFERENCE: request.previous?.reference ?? "",
    TIDEMILL_ID: request.id,
    TIDEMILL_FENCE: `${request.fence}`,
    TIDEMILL_KIND: request.kind,
    TIDEMILL_REASON: request.reason.replaceAll("\0", ""),
    TIDEMILL_FORCED: forced ? "1" : "",
  });
  return {
    kind: "command",
    observes: config.observe !== undefined,
    plan: (request) => Promise.resolve({ steps: [`runs ${config.run.join(" ")} with ${request.reference}`] }),
    apply: async (request, { signal, deadlineMs, confirmOurs, forced }) => {
      await confirmOurs();
      const env = told(request, "apply", forced);
      const ended = await runProgram({ command: config.run, cwd: home, env, timeoutMs: deadlineMs }, signal);
      if (ended.kind === "ended" && ended.status === 0) return { kind: "applied" };
      const reason = describeEnd(ended);
      const isUnusable = ended.kind === "not-started" || (ended.kind === "ended" && ended.status === unavailable);
      if (isUnusable) return { kind: "unreachable", reason: `${config.run[0] ?? ""}: ${reason}` };
      if (ended.kind === "ended" && ended.status === again) return { kind: "again", reason };
      if (ended.kind === "ended" && ended.status === refused) return { kind: "stale", reason };
      return { kind: "failed", reason: `${config.run[0] ?? ""}: ${reason}` };
    },
    observe: async (place, signal): Promise<Observed> => {
      if (config.observe === undefined) return { kind: "unknown", reason: "the deployment names no `observe:`" };
      const env = { ...about(place), TIDEMILL_ACTION: "observe" };
      const ended = await runProgram({ command: config.observe, cwd: home, env, timeoutMs: observeMs }, signal);
      if (ended.kind !== "ended" || ended.status !== 0) return { kind: "unknown", reason: describeEnd(ended) };
      return readRunning(parseJson(ended.output));
    },
    undo: async (request, { signal, deadlineMs, confirmOurs, forced }) => {
      const { previous } = request;
      if (previous === undefined && config.undo === undefined) return { kind: "undone" };
      await confirmOurs();
      const back = previous ?? { digest: "", reference: "" };
      const env =
        config.undo === undefined
          ? { ...told(request, "undo", forced), TIDEMILL_DIGEST: back.digest, TIDEMILL_REFERENCE: back.reference }
          : told(request, "undo", forced);
      const command = config.undo ?? config.run;
      const ended = await runProgram({ command, cwd: home, env, timeoutMs: deadlineMs }, signal);
      if (ended.kind === "ended" && ended.status === 0) return { kind: "undone" };
      return { kind: "again", reason: `${command[0] ?? ""}: ${describeEnd(ended)}` };
    },
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
