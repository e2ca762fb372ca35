import { z } from "zod";
import { checkShape } from "./check-shape.ts";
import type { AffectedPackage, Judgement } from "./types.ts";
import type { ParsedAdvisory } from "./osv.ts";
import { releaseOf } from "./releases.ts";
import { byDistro, isCriticalByWord } from "./severity.ts";

const release = z.object({
  status: z.enum(["resolved", "open", "undetermined"]),
  fixed_version: z.string().min(1).max(512).optional(),
  urgency: z.unknown().optional(),
  nodsa: z.unknown().optional(),
  nodsa_reason: z.unknown().optional(),
});
const issue = z.object({
  description: z.string().max(65_536).optional(),
  releases: z.record(z.string().max(64), release),
});
const idShape = /^(?:CVE-\d{4}-\d{4,}|TEMP-[0-9A-Za-z-]{1,64})$/;

/**
 * What the security tracker says of one source package: `{CVE: {description, releases: {CODENAME: {status, fixed_version,
 * urgency, nodsa, nodsa_reason}}}}`. Each issue is its own advisory; a release that the tracker calls not affected (fixed
 * in "0") is kept as that, for other feeds may not know; `undetermined` makes one whose finding is `unknown`.
 */
export function parseTrackerSource(source: string, value: unknown): ParsedAdvisory[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return [{ kind: "bad", id: source.slice(0, 128), problem: "not an object of issues" }];
  return Object.entries(value).map(([id, raw]) => parseIssue(source, id, raw));
}

function parseIssue(source: string, id: string, raw: unknown): ParsedAdvisory {
  const parsed = idShape.test(id) ? checkShape(issue, raw) : { problem: "id: not an issue's id" };
  if ("problem" in parsed) return { kind: "bad", id: `${source} ${id}`.slice(0, 128), problem: parsed.problem };
  const affected: AffectedPackage[] = [];
  for (const [codename, one] of Object.entries(parsed.data.releases)) {
    const version = releaseOf(codename);
    const row = version === undefined ? undefined : rowOf(one);
    if (row !== undefined) affected.push({ ecosystem: `debian:${version}`, name: source, versions: [], ...row });
  }
  const summary = (parsed.data.description ?? "").slice(0, 300);
  const times = { published: undefined, modified: undefined, withdrawn: undefined };
  return { kind: "advisory", advisory: { id, aliases: [], upstream: [], summary, ...times, affected } };
}

function rowOf(one: z.infer<typeof release>): Omit<AffectedPackage, "ecosystem" | "name" | "versions"> | undefined {
  const { status, fixed_version: fixed, urgency } = one;
  if (fixed === "0") return { ranges: [], judgement: "not-affected" };
  if (status === "resolved" && fixed === undefined) return undefined;
  const severity = byDistro(urgency);
  const judgement = judgementOf(one);
  return {
    ranges: [status === "resolved" && fixed !== undefined ? { introduced: "0", fixed } : { introduced: "0" }],
    ...(isCriticalByWord(urgency) ? { critical: true } : {}),
    ...(severity === undefined ? {} : { severity }),
    ...(judgement === undefined ? {} : { judgement }),
  };
}

function judgementOf({ status, urgency, nodsa, nodsa_reason: reason }: z.infer<typeof release>): Judgement | undefined {
  if (urgency === "end-of-life") return "end-of-life";
  if (status === "undetermined") return "undetermined";
  if (status !== "open") return undefined;
  if (reason === "ignored" || reason === "postponed") return reason;
  return typeof nodsa === "string" || typeof reason === "string" ? "no-dsa" : undefined;
}
