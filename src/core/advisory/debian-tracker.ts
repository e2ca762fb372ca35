import { z } from "zod";
import type { AffectedPackage } from "./types.ts";
import type { ParsedAdvisory } from "./osv.ts";
import { releaseOf } from "./releases.ts";
import { isCriticalByWord } from "./severity.ts";

const release = z.object({
  status: z.enum(["resolved", "open", "undetermined"]),
  fixed_version: z.string().min(1).max(512).optional(),
  urgency: z.unknown().optional(),
});
const issue = z.object({
  description: z.string().max(65_536).optional(),
  releases: z.record(z.string().max(64), release),
});
const idShape = /^(?:CVE-\d{4}-\d{4,}|TEMP-[0-9A-Za-z-]{1,64})$/;

/** What the security tracker says of one source package: `{CVE: {description, releases: {CODENAME: {status, fixed_version}}}}`. Each issue is its own advisory; `undetermined` makes one whose finding is `unknown`. */
export function parseTrackerSource(source: string, value: unknown): ParsedAdvisory[] {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return [{ kind: "bad", id: source.slice(0, 128), problem: "not an object of issues" }];
  return Object.entries(value).map(([id, raw]) => parseIssue(source, id, raw));
}

function parseIssue(source: string, id: string, raw: unknown): ParsedAdvisory {
  const parsed = issue.safeParse(raw);
  if (!idShape.test(id) || !parsed.success) {
    const problem = parsed.error?.issues[0];
    return {
      kind: "bad",
      id: `${source} ${id}`.slice(0, 128),
      problem: `${problem?.path.join(".") ?? "id"}: ${problem?.message ?? "not an issue's id"}`,
    };
  }
  const affected: AffectedPackage[] = [];
  for (const [codename, { status, fixed_version: fixed, urgency }] of Object.entries(parsed.data.releases)) {
    const version = releaseOf(codename);
    if (version === undefined || fixed === "0") continue;
    const range = status === "resolved" && fixed !== undefined ? { introduced: "0", fixed } : { introduced: "0" };
    if (status === "resolved" && fixed === undefined) continue;
    const critical = isCriticalByWord({ urgency }) ? { critical: true } : {};
    affected.push({ ecosystem: `Debian:${version}`, name: source, ranges: [range], versions: [], ...critical });
  }
  const summary = (parsed.data.description ?? "").slice(0, 300);
  const times = { published: undefined, modified: undefined, withdrawn: undefined };
  return { kind: "advisory", advisory: { id, aliases: [], upstream: [], summary, ...times, affected } };
}
