import { printable } from "../../lib/index.ts";
import type { RunEnd, ToolFault } from "./types.ts";

/** Words that say that a registry was not reached, or not as one: another time it may be. */
const passing =
  /ETIMEDOUT|ECONN|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EPIPE|socket hang up|timed? ?out|Temporary failure|connection (?:refused|reset|aborted)|no such host|dial tcp|\b(?:429|5\d\d)\b|Could not transfer|NewConnectionError|TLS handshake/i;

/** Why a run is no success; undefined where it is one. What it says last is shown, for there the reason stands. */
export function explainRun(program: string, end: RunEnd): ToolFault | undefined {
  if (end.kind === "stopped") return { kind: "failed", reason: end.reason };
  if (end.status === 0) return undefined;
  const said = lastWords(end.errors) || lastWords(end.output);
  const how = end.status === null ? "was killed" : `ended with status ${end.status}`;
  const reason = said === "" ? `${program} ${how}` : `${program} ${how}: ${said}`;
  return { kind: passing.test(said) ? "failed" : "refused", reason };
}

function lastWords(text: string): string {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => printable(line).trim())
    .filter((line) => line !== "" && !/^npm (?:notice|error (?:A complete log|Log files))|\.log$/i.test(line));
  return lines.slice(-6).join("; ").slice(0, 600);
}
