import { isSettled, type AdvisoryReport, type Finding } from "../advisory/index.ts";
import type { Instant } from "../../lib/index.ts";
import { breaksRule } from "./judge-scan.ts";
import { parseFailOn } from "./parse-fail-on.ts";

/** The rules of a scan that is a gate, as the configuration has them. */
export interface ScanGate {
  /** As `--fail-on` takes them. */
  readonly failOn: readonly string[];
  readonly known: "pass" | "fail";
  readonly unknown: "warn" | "fail";
}

export interface GateAnswer {
  readonly verdict: "passed" | "warned" | "failed";
  readonly messages: readonly string[];
}

const most = 20;

/**
 * Whether a gate lets in what `report` is of, at `now`. What somebody's word set aside does not count, nor, where the gate says so, what `running` has as well: the same vulnerability in the same package. Of what nobody
 * could look up it warns, or fails.
 */
export function judgeGate(
  gate: ScanGate,
  report: AdvisoryReport,
  running: AdvisoryReport | undefined,
  now: Instant,
): GateAnswer {
  const known = new Set(gate.known === "pass" ? (running?.findings ?? []).filter(isOpen).map(keyOf) : []);
  const counted = report.findings.filter((one) => isOpen(one) && !known.has(keyOf(one)));
  const messages: string[] = [];
  for (const text of gate.failOn) {
    const parsed = parseFailOn(text);
    // The configuration is checked: this is for what came another way.
    if (parsed.kind === "invalid") {
      messages.push(`${text}: ${parsed.message}`);
      continue;
    }
    const broken = counted.filter((finding) => breaksRule(parsed.rule, finding, now));
    const names = [...new Set(broken.map(({ id, package: name, version }) => `${id} in ${name} ${version}`))];
    messages.push(...names.map((name) => `${parsed.rule.text}: ${name}`));
  }
  const shown = messages.length > most ? [...messages.slice(0, most), `and ${messages.length - most} more`] : messages;
  if (report.state === "known") return { verdict: shown.length > 0 ? "failed" : "passed", messages: shown };
  const doubt = `not all could be looked up: ${report.reasons.slice(0, 3).join("; ")}`;
  return { verdict: shown.length > 0 || gate.unknown === "fail" ? "failed" : "warned", messages: [...shown, doubt] };
}

function isOpen(finding: Finding): boolean {
  return finding.state === "affected" && !isSettled(finding);
}

function keyOf({ id, type, package: name }: Finding): string {
  return `${type} ${name} ${id}`;
}
