import type { CheckConfig } from "../../core/config/index.ts";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import { runProgram } from "../../io/probe/index.ts";
import { printable } from "../../lib/index.ts";
import { lastLines } from "./last-lines.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

type ScriptCheck = Extract<CheckConfig, { script: unknown }>;

const keep = 65_536;

/** Runs the user's own program once, for one platform of the candidate: it passes where the program ends with 0. Only an abort throws. */
export async function checkScript(
  { script, timeout }: ScriptCheck,
  { digest, told }: Pick<VerifyRequest, "digest" | "told">,
  platform: Platform,
  signal: AbortSignal | undefined,
): Promise<Pick<CheckResult, "verdict" | "messages">> {
  const env = {
    TIDEMILL_IMAGE: told.image,
    TIDEMILL_ENVIRONMENT: told.environment,
    TIDEMILL_DIGEST: digest,
    TIDEMILL_REFERENCE: told.reference,
    TIDEMILL_PLATFORM: formatPlatform(platform),
  };
  const end = await runProgram({ command: script, env, timeoutMs: timeout, keep }, signal);
  if (end.kind === "not started") return { verdict: "failed", messages: [printable(end.reason)] };
  if (end.kind === "ended" && end.status === 0) return { verdict: "passed", messages: [] };
  const wrong =
    end.kind === "late" ? `it did not end within ${timeout} ms` : `it ended with ${end.status ?? "a signal"}, not 0`;
  return {
    verdict: "failed",
    messages: [wrong, ...lastLines(end.output).map((line) => printable(line.slice(0, 500)))],
  };
}
