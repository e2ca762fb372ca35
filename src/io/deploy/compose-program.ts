import { describeEnd, runProgram } from "./run-program.ts";

const candidates = [["docker", "compose"], ["docker-compose"]] as const;
const askMs = 30_000;

/** Runs Docker Compose, the plugin where it is there, else the program of its own; why it did not do it, as a sentence, or undefined. */
export async function runCompose(
  cwd: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const env = dockerEnv();
  const problems: string[] = [];
  for (const base of candidates) {
    const asked = await runProgram({ command: [...base, "version"], cwd, env, timeoutMs: askMs }, signal);
    if (asked.kind !== "ended" || asked.status !== 0) {
      problems.push(`${base.join(" ")}: ${describeEnd(asked)}`);
      continue;
    }
    const how = await runProgram({ command: [...base, ...args], cwd, env, timeoutMs }, signal);
    if (how.kind !== "ended") return how.reason;
    return how.status === 0 ? undefined : `${base.join(" ")} ended with ${how.status}: ${how.tail}`;
  }
  return `Docker Compose is not there: ${problems.join("; ")}`;
}

/** What tells Docker's programs which daemon and which credentials are meant. A context of theirs is not asked for: both sides of a deployment look at one daemon. */
function dockerEnv(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env))
    if (
      /^(?:DOCKER_(?:HOST|CONFIG|CERT_PATH|TLS_VERIFY|API_VERSION)|XDG_RUNTIME_DIR)$/.test(name) &&
      value !== undefined
    )
      env[name] = value;
  return env["DOCKER_HOST"] === undefined ? { ...env, DOCKER_CONTEXT: "default" } : env;
}
