import { advisoryKey, baseOf, schemeOf } from "./ecosystems.ts";
import { BadRecord, readAffected, readId, readNames, readText, readTime, type RawAffected } from "./osv-record.ts";
import { rangesOfEvents } from "./affected-ranges.ts";
import {
  byDatabase,
  byDistro,
  isCriticalByRating,
  isCriticalByWord,
  parseRatings,
  severityOfRatings,
  worseOf,
} from "./severity.ts";
import { cveOf, isAnnouncement } from "./vulnerability-ids.ts";
import type { Advisory, AffectedPackage, AffectedRange } from "./types.ts";

export type ParsedAdvisory =
  | { readonly kind: "advisory"; readonly advisory: Advisory }
  | { readonly kind: "bad"; readonly id: string | undefined; readonly problem: string };

const longestSummary = 300;

/**
 * One OSV record as an advisory. Of `ecosystems`, where they are given (in lower case, without release), only those packages
 * are taken. A record that breaks the schema is told, not thrown. OSV schema 1.7; unknown fields, ecosystems and id
 * prefixes are let be, for they come every year.
 */
export function parseOsvRecord(value: unknown, ecosystems?: ReadonlySet<string>): ParsedAdvisory {
  let id: string | undefined;
  try {
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new BadRecord("", "not an OSV record");
    const record = value as Readonly<Record<string, unknown>>;
    if (typeof record["id"] === "string") id = record["id"].slice(0, 128);
    return { kind: "advisory", advisory: readAdvisory(record, ecosystems) };
  } catch (error) {
    if (!(error instanceof BadRecord)) throw error;
    return { kind: "bad", id, problem: `${error.where}: ${error.message}` };
  }
}

function readAdvisory(
  record: Readonly<Record<string, unknown>>,
  ecosystems: ReadonlySet<string> | undefined,
): Advisory {
  const id = readId(record["id"]);
  const modified = readTime(record["modified"], "modified");
  if (modified === undefined) throw new BadRecord("modified", "missing");
  const published = readTime(record["published"], "published");
  const withdrawn = readTime(record["withdrawn"], "withdrawn");
  const aliases = readNames(record["aliases"], "aliases");
  const related = readNames(record["related"], "related");
  const upstream = readNames(record["upstream"], "upstream");
  const summary = (readText(record["summary"], "summary") ?? "").slice(0, longestSummary);
  const ratings = parseRatings(record["severity"]);
  if (typeof ratings === "string") throw new BadRecord("severity", ratings);
  const word = wordOf(record["database_specific"], "severity");
  const told = isAnnouncement(id) ? /^(\w+): /.exec(summary)?.[1] : undefined;
  const severity = [byDistro(told), isAnnouncement(id) ? byDistro(word) : byDatabase(word)].reduce(
    worseOf,
    severityOfRatings(ratings),
  );
  const isUrgent = isCriticalByRating(ratings) || isCriticalByWord(word) || isCriticalByWord(told);
  const affected: AffectedPackage[] = [];
  for (const one of readAffected(record["affected"])) {
    if (one.package === undefined) continue;
    if (ecosystems !== undefined && !ecosystems.has(baseOf(one.package.ecosystem.toLowerCase()))) continue;
    pushAffected(affected, one, summary, isUrgent);
  }
  return {
    id,
    aliases,
    // Distributions whose records came before that field name their CVEs as related.
    upstream:
      upstream.length === 0 && isAnnouncement(id) ? related.filter((name) => cveOf(name) !== undefined) : upstream,
    summary,
    published,
    modified,
    withdrawn,
    ...(severity === undefined ? {} : { severity }),
    ...(id.startsWith("MAL-") ? { malicious: true } : {}),
    affected,
  };
}

function pushAffected(rows: AffectedPackage[], one: RawAffected, summary: string, isUrgent: boolean): void {
  const { ecosystem, name } = advisoryKey(one.package?.ecosystem ?? "", one.package?.name ?? "");
  const scheme = schemeOf(ecosystem);
  const ranges: AffectedRange[] = [];
  for (const events of one.ranges) ranges.push(...rangesOfEvents(events, scheme));
  const urgency = wordOf(one.ecosystemSpecific, "urgency");
  const severity = [
    byDistro(urgency),
    byDatabase(wordOf(one.ecosystemSpecific, "severity")),
    byDatabase(wordOf(one.databaseSpecific, "severity")),
  ].reduce(worseOf, severityOfRatings(one.ratings));
  const critical = isUrgent || isCriticalByRating(one.ratings) || isCriticalByWord(urgency);
  const module = moduleOf(ranges, summary);
  const row: AffectedPackage = {
    ecosystem,
    name,
    ranges,
    versions: one.versions,
    ...(critical ? { critical } : {}),
    ...(severity === undefined ? {} : { severity }),
    ...(module === undefined ? {} : { module }),
    ...(urgency === "end-of-life" ? { judgement: "end-of-life" as const } : {}),
  };
  const base = baseOf(ecosystem);
  const binaries = base === "suse" || base === "opensuse" ? binariesOf(one.ecosystemSpecific) : undefined;
  if (binaries === undefined) rows.push(row);
  else
    for (const [binary, fixed] of binaries) rows.push({ ...row, name: binary, ranges: [{ introduced: "0", fixed }] });
}

const mostBinaries = 5000;

/** SUSE's records name the source package, and beside it the binary packages that are installed, each with the version that cures it. */
function binariesOf(specific: unknown): ReadonlyMap<string, string> | undefined {
  if (typeof specific !== "object" || specific === null) return undefined;
  const { binaries } = specific as { readonly binaries?: unknown };
  if (!Array.isArray(binaries)) return undefined;
  const found = new Map<string, string>();
  for (const group of binaries as unknown[]) {
    if (typeof group !== "object" || group === null) continue;
    for (const [name, version] of Object.entries(group)) {
      if (typeof version !== "string" || version === "" || version.length > 512 || name.length > 512) continue;
      if (found.size >= mostBinaries) return found;
      found.set(name, version);
    }
  }
  return found.size === 0 ? undefined : found;
}

/** The module stream that an announcement is about, by its headline: `Important: nodejs:14 security update`. */
function moduleOf(ranges: readonly AffectedRange[], summary: string): string | undefined {
  if (!ranges.some(({ fixed }) => fixed?.includes(".module") === true)) return undefined;
  return /^(?:\w+: )?([a-z0-9][\w.+-]{0,63}:[a-z0-9][\w.+-]{0,63}) /i.exec(summary)?.[1];
}

function wordOf(specific: unknown, field: "severity" | "urgency"): unknown {
  if (typeof specific !== "object" || specific === null || !Object.hasOwn(specific, field)) return undefined;
  return (specific as Readonly<Record<string, unknown>>)[field];
}
