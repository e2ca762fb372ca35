import { describeEnd, runProgram } from "./run-program.ts";

const candidates = [["docker", "compose"], ["docker-compose"]] as const;
const askMs = 30_000;

/** How Docker Compose is run here: by the plugin where it is there, else by the program of its own; or why it cannot be, as a sentence. */
export async function findCompose(cwd: string, signal: AbortSignal): Promise<readonly string[] | string> {
  const problems: string[] = [];
  for (const base of candidates) {
    const asked = await runProgram({ command: [...base, "version"], cwd, env: dockerEnv(), timeoutMs: askMs }, signal);
    if (asked.kind === "ended" && asked.status === 0) return base;
    problems.push(`${base.join(" ")}: ${describeEnd(asked)}`);
  }
  return `Docker Compose is not there: ${problems.join("; ")}`;
}

/** Runs Docker Compose; why it did not do it, as a sentence, or undefined. */
export async function runCompose(
  cwd: string,
  args: readonly string[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const base = await findCompose(cwd, signal);
  if (typeof base === "string") return base;
  const how = await runProgram({ command: [...base, ...args], cwd, env: dockerEnv(), timeoutMs }, signal);
  if (how.kind !== "ended") return how.reason;
  return how.status === 0 ? undefined : `${base.join(" ")} ended with ${how.status}: ${how.tail}`;
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
