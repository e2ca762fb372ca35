import { z } from "zod";
import type { Instant } from "../../lib/index.ts";
import { isCriticalByWord, isCriticalScore } from "./severity.ts";
import type { Advisory, AffectedPackage, AffectedRange } from "./types.ts";

const text = z.string().max(65_536);
const name = z.string().min(1).max(512);
const time = z.string().max(64);
const event = z.object({ introduced: name.optional(), fixed: name.optional(), last_affected: name.optional() });
const range = z.object({ type: z.string().max(32), events: z.array(event).max(10_000) });
const affected = z.object({
  package: z.object({ ecosystem: name, name }).optional(),
  ranges: z.array(range).max(10_000).nullish(),
  versions: z.array(name).max(100_000).nullish(),
  severity: z.unknown().optional(),
  ecosystem_specific: z.unknown().optional(),
  database_specific: z.unknown().optional(),
});
const record = z.object({
  id: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/),
  modified: time,
  published: time.nullish(),
  withdrawn: time.nullish(),
  aliases: z.array(name).max(1000).nullish(),
  upstream: z.array(name).max(10_000).nullish(),
  summary: text.nullish(),
  affected: z.array(affected).max(100_000).nullish(),
  severity: z.unknown().optional(),
  database_specific: z.unknown().optional(),
});

export type ParsedAdvisory =
  | { readonly kind: "advisory"; readonly advisory: Advisory }
  | { readonly kind: "bad"; readonly id: string | undefined; readonly problem: string };

const debian: ReadonlySet<string> = new Set(["debian"]);

/** One OSV record as an advisory; only packages of the `ecosystems` (in lower case, without release) are taken from it. A record that breaks the schema is told, not thrown. OSV schema 1.7. */
export function parseOsvRecord(value: unknown, ecosystems: ReadonlySet<string> = debian): ParsedAdvisory {
  const parsed = record.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const id = z.object({ id: z.string().max(128) }).safeParse(value).data?.id;
    return { kind: "bad", id, problem: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "not an OSV record"}` };
  }
  const { id, aliases, upstream, summary, published, modified, withdrawn } = parsed.data;
  const times = { published: instant(published), modified: instant(modified), withdrawn: instant(withdrawn) };
  if (times.modified === undefined) return { kind: "bad", id, problem: "modified: not a time" };
  if (typeof withdrawn === "string" && times.withdrawn === undefined)
    return { kind: "bad", id, problem: "withdrawn: not a time" };
  const isCritical = isCriticalScore(parsed.data.severity) || isCriticalByWord(parsed.data.database_specific);
  const rows: AffectedPackage[] = [];
  for (const item of parsed.data.affected ?? []) {
    const ecosystem = item.package?.ecosystem ?? "";
    if (item.package === undefined || !ecosystems.has((ecosystem.split(":")[0] ?? "").toLowerCase())) continue;
    const ranges = (item.ranges ?? []).filter(({ type }) => type === "ECOSYSTEM").flatMap(({ events }) => pair(events));
    const critical = isCritical || isCriticalScore(item.severity) || isCriticalByWord(item.ecosystem_specific);
    const versions = item.versions ?? [];
    rows.push({ ecosystem, name: item.package.name, ranges, versions, ...(critical ? { critical } : {}) });
  }
  return {
    kind: "advisory",
    advisory: {
      id,
      aliases: aliases ?? [],
      upstream: upstream ?? [],
      summary: (summary ?? "").slice(0, 300),
      ...times,
      affected: rows,
    },
  };
}

/** Events in their order as ranges: each `introduced` begins one, the next `fixed` or `last_affected` ends it. */
function pair(events: readonly z.infer<typeof event>[]): AffectedRange[] {
  const ranges: AffectedRange[] = [];
  let introduced: string | undefined;
  for (const { introduced: start, fixed, last_affected: last } of events) {
    if (start !== undefined) {
      if (introduced !== undefined) ranges.push({ introduced });
      introduced = start;
    }
    if (introduced === undefined || (fixed === undefined && last === undefined)) continue;
    ranges.push(fixed === undefined ? { introduced, lastAffected: last ?? "0" } : { introduced, fixed });
    introduced = undefined;
  }
  if (introduced !== undefined) ranges.push({ introduced });
  return ranges;
}

function instant(value: string | null | undefined): Instant | undefined {
  const parsed = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(parsed) ? undefined : parsed;
}
