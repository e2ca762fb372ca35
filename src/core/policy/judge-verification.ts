import { formatPlatform, samePlatform, type Platform } from "../image/index.ts";

/** One check of a candidate on one platform. A check that the configuration asks for is named `KIND: NAME`. */
export interface JudgedCheck {
  readonly name: string;
  readonly platform: Platform;
  readonly verdict: "passed" | "failed" | "warned" | "not_run";
  readonly messages: readonly string[];
  /** Its word is waited for, whatever policy says. */
  readonly wordWanted?: true;
}

export interface JudgedVerification {
  readonly verdict: "passed" | "failed";
  readonly checks: readonly JudgedCheck[];
}

export interface VerificationPolicy {
  /** Whether checks of `run`, `http`, `tcp` and `compose` that could not run keep a candidate out. */
  readonly requireRun: boolean;
  /** Platforms on which the engine can run a candidate; empty where there is no engine. */
  readonly engineRuns: readonly Platform[];
}

/** `reasons` says what stands against the candidate; where it passed, what a person should know all the same. */
export interface Judgement {
  readonly verdict: "passed" | "failed" | "not_run";
  readonly reasons: readonly string[];
}

/**
 * Whether what was found of a candidate is enough for an environment. A failed check is never enough, and neither is none at all. Where policy requires
 * it, each check that needs an engine has to run on every platform that the engine runs, and on at least one. A pipeline that gave no verdict is never enough: whoever asks it wants its word; nor is a Job of a cluster that ran on no platform.
 */
export function judgeVerification(found: JudgedVerification, policy: VerificationPolicy): Judgement {
  const { checks } = found;
  const failed = checks.filter(({ verdict }) => verdict === "failed");
  if (failed.length > 0) return { verdict: "failed", reasons: failed.map(describe) };
  if (found.verdict === "failed") return { verdict: "failed", reasons: ["the verification failed"] };
  if (checks.length === 0) return { verdict: "not_run", reasons: ["nothing was checked"] };
  const lacking = checks.filter(
    (check) => isUnheard(check, checks) || (policy.requireRun && isLacking(check, checks, policy)),
  );
  if (lacking.length > 0) return { verdict: "not_run", reasons: lacking.map(describe) };
  return { verdict: "passed", reasons: checks.filter(({ verdict }) => verdict !== "passed").map(describe) };
}

function isUnheard({ name, verdict, wordWanted }: JudgedCheck, checks: readonly JudgedCheck[]): boolean {
  if (verdict !== "not_run") return false;
  if (wordWanted === true || name.startsWith("pipeline: ")) return true;
  return name.startsWith("job: ") && checks.every((one) => one.name !== name || one.verdict === "not_run");
}

function isLacking(check: JudgedCheck, checks: readonly JudgedCheck[], { engineRuns }: VerificationPolicy): boolean {
  if (check.verdict !== "not_run" || !/^(?:run|http|tcp|compose): /.test(check.name)) return false;
  const couldRun = engineRuns.some((platform) => samePlatform(platform, check.platform));
  return couldRun || !checks.some(({ name, verdict }) => name === check.name && verdict !== "not_run");
}

function describe({ name, platform, verdict, messages }: JudgedCheck): string {
  const said = messages[0] === undefined ? "" : `: ${messages[0]}`;
  const more = messages.length > 1 ? ` (and ${messages.length - 1} more)` : "";
  return `${name} ${verdict === "not_run" ? "was not run" : verdict} on ${formatPlatform(platform)}${said}${more}`;
}
