import type { Instant } from "../../lib/index.ts";
import type { IgnoreEntry } from "./parse-ignore-file.ts";
import type { ScanFinding, ScanReport } from "./types.ts";

/** `report` with what `entries` set aside at `now`. An entry that has expired sets nothing aside and is told of, and so is one that fits nothing. */
export function applyIgnores(report: ScanReport, entries: readonly IgnoreEntry[], now: Instant): ScanReport {
  if (entries.length === 0) return report;
  const byId = Map.groupBy(entries, ({ id }) => id.toUpperCase());
  const used = new Set<IgnoreEntry>();
  const expired = new Set<IgnoreEntry>();
  const apply = (finding: ScanFinding): ScanFinding => {
    const fitting = namesOf(finding)
      .flatMap((name) => byId.get(name.toUpperCase()) ?? [])
      .filter((entry) => fits(entry, finding));
    const valid = fitting.find(({ until }) => until === undefined || until > now);
    for (const entry of fitting) (entry.until === undefined || entry.until > now ? used : expired).add(entry);
    if (valid === undefined || finding.ignored !== undefined) return finding;
    const { by, reason, until } = valid;
    return { ...finding, ignored: { from: "ignore", by, reason, until } };
  };
  const platforms = report.platforms.map((platform) => ({ ...platform, findings: platform.findings.map(apply) }));
  const notes = entries.flatMap((entry) => {
    if (used.has(entry)) return [];
    const what = `${entry.id}${entry.package === undefined ? "" : ` in ${entry.package}`}`;
    if (expired.has(entry))
      return [`${what} was ignored until ${day(entry.until)} (${entry.by}: ${entry.reason}): it counts again`];
    return [`${what} is ignored by ${entry.by}, but nothing here has it`];
  });
  return { ...report, platforms, notes: [...report.notes, ...notes] };
}

/** Every name of the vulnerability of a finding. */
export function namesOf({ id, aliases, upstream }: Pick<ScanFinding, "id" | "aliases" | "upstream">): string[] {
  return [id, ...aliases, ...(upstream.length === 1 ? upstream : [])];
}

function fits({ package: name, version, path }: IgnoreEntry, finding: ScanFinding): boolean {
  if (name !== undefined && name !== finding.package && name !== finding.source) return false;
  if (version !== undefined && version !== finding.version) return false;
  return path === undefined || finding.path === path || finding.path?.startsWith(`${path}/`) === true;
}

function day(at: Instant | undefined): string {
  return at === undefined ? "" : new Date(at).toISOString().slice(0, 10);
}
