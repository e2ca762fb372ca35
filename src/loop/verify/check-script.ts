import type { CheckConfig } from "../../core/config/index.ts";
import { formatPlatform, type Platform } from "../../core/image/index.ts";
import type { RunEngine } from "../../io/engine/index.ts";
import type { PlatformImage } from "../../io/layer/index.ts";
import { runProgram } from "../../io/probe/index.ts";
import { messageOf, printable } from "../../lib/index.ts";
import { whileServed } from "./check-started.ts";
import { lastLines, maxCheckLog } from "./last-lines.ts";
import type { CheckResult, VerifyRequest } from "./types.ts";

type ScriptCheck = Extract<CheckConfig, { script: unknown }>;

type Outcome = Pick<CheckResult, "verdict" | "messages" | "log">;
type Asked = Pick<VerifyRequest, "digest" | "told">;

/** The same with the candidate started: the program is told where it is. Where the candidate does not come to listen, or the engine fails, it has failed. Only an abort throws. */
export async function checkServedScript(
  check: ScriptCheck & { readonly serve: NonNullable<ScriptCheck["serve"]> },
  request: Asked & Pick<VerifyRequest, "source">,
  image: PlatformImage,
  engine: RunEngine,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const use = (address: string, ended: AbortSignal): Promise<Outcome> =>
    checkScript(check, request, image.platform, either(ended, signal), address);
  try {
    const { answer, output } = await whileServed(check.serve, request.source, image, engine, use, signal);
    if ("problem" in answer)
      return { verdict: "failed", messages: [answer.problem, ...lastLines(output)], log: output };
    return answer.used;
  } catch (error) {
    signal?.throwIfAborted();
    return { verdict: "failed", messages: [messageOf(error)] };
  }
}

function either(first: AbortSignal, second: AbortSignal | undefined): AbortSignal {
  return second === undefined ? first : AbortSignal.any([first, second]);
}

/** Runs the user's own program once, for one platform of the candidate: it passes where the program ends with 0. Only an abort throws. */
export async function checkScript(
  { script, timeout }: ScriptCheck,
  { digest, told }: Asked,
  platform: Platform,
  signal: AbortSignal | undefined,
  address?: string,
): Promise<Outcome> {
  const env = {
    TIDEMILL_IMAGE: told.image,
    TIDEMILL_ENVIRONMENT: told.environment,
    TIDEMILL_DIGEST: digest,
    TIDEMILL_REFERENCE: told.reference,
    TIDEMILL_PLATFORM: formatPlatform(platform),
    ...(address === undefined ? {} : { TIDEMILL_ADDRESS: address }),
  };
  const end = await runProgram({ command: script, env, timeoutMs: timeout, keep: maxCheckLog }, signal);
  if (end.kind === "not started") return { verdict: "failed", messages: [printable(end.reason)] };
  if (end.kind === "ended" && end.status === 0) return { verdict: "passed", messages: [], log: shown(end.output) };
  const wrong =
    end.kind === "late" ? `it did not end within ${timeout} ms` : `it ended with ${end.status ?? "a signal"}, not 0`;
  return {
    verdict: "failed",
    messages: [wrong, ...lastLines(end.output).map((line) => printable(line.slice(0, 500)))],
    log: shown(end.output),
  };
}

function shown(output: string): string {
  return output.split("\n").map(printable).join("\n");
}
