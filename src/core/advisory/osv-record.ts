import type { Instant } from "../../lib/index.ts";
import type { RangeEvent } from "./affected-ranges.ts";
import { parseRatings, type Rating } from "./severity.ts";

/** Why a record is set aside: it breaks the schema at `where`. */
export class BadRecord extends Error {
  readonly where: string;
  constructor(where: string, problem: string) {
    super(problem);
    this.where = where;
  }
}

/** One entry of `affected`, checked; of its ranges those that versions can be compared with. */
export interface RawAffected {
  readonly package: { readonly ecosystem: string; readonly name: string } | undefined;
  readonly ranges: readonly (readonly RangeEvent[])[];
  readonly versions: readonly string[];
  readonly ratings: readonly Rating[];
  readonly ecosystemSpecific: unknown;
  readonly databaseSpecific: unknown;
}

/** What a record may hold at most; the largest real ones are a hundredth of it. */
const most = { affected: 100_000, ranges: 10_000, events: 10_000, versions: 100_000, names: 10_000 };
const longestName = 512;
const longestText = 65_536;
const idShape = /^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$/;
const timeShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,30})?Z$/;
const commit = /^(?:0|[0-9a-f]{40}|[0-9a-f]{64})$/;
type Fields = Readonly<Record<string, unknown>>;

export function readId(value: unknown): string {
  if (typeof value !== "string" || !idShape.test(value)) throw new BadRecord("id", "not an id");
  return value;
}

/** Undefined where there is none; in UTC, as the schema wants it. */
export function readTime(value: unknown, where: string): Instant | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || !timeShape.test(value)) throw new BadRecord(where, "not a time");
  // Fractions beyond a millisecond are cut, or the date is not read.
  const at = Date.parse(value.length > 24 ? `${value.slice(0, 23)}Z` : value);
  if (Number.isNaN(at)) throw new BadRecord(where, "not a time");
  return at;
}

export function readText(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string" || value.length > longestText) throw new BadRecord(where, "not a text");
  return value;
}

/** A list of ids; none where it is missing. */
export function readNames(value: unknown, where: string): readonly string[] {
  const list = readList(value, where, most.names);
  for (const one of list) if (!isName(one)) throw new BadRecord(where, "holds something that is no id");
  return list as readonly string[];
}

export function readAffected(value: unknown): readonly RawAffected[] {
  return readList(value, "affected", most.affected).map(readOne);
}

function readOne(value: unknown): RawAffected {
  const one = readFields(value, "affected[]");
  const versions = readList(one["versions"], "affected[].versions", most.versions);
  for (const version of versions)
    if (!isName(version)) throw new BadRecord("affected[].versions", "holds something that is no version");
  const ratings = parseRatings(one["severity"]);
  if (typeof ratings === "string") throw new BadRecord("affected[].severity", ratings);
  const ranges: RangeEvent[][] = [];
  for (const range of readList(one["ranges"], "affected[].ranges", most.ranges)) {
    const events = readRange(range);
    if (events !== undefined) ranges.push(events);
  }
  return {
    package: readPackage(one["package"]),
    ranges,
    versions: versions as readonly string[],
    ratings,
    ecosystemSpecific: one["ecosystem_specific"],
    databaseSpecific: one["database_specific"],
  };
}

function readPackage(value: unknown): RawAffected["package"] {
  if (value === undefined || value === null) return undefined;
  const { ecosystem, name } = readFields(value, "affected[].package") as { ecosystem?: unknown; name?: unknown };
  if (!isName(ecosystem)) throw new BadRecord("affected[].package.ecosystem", "not an ecosystem");
  if (!isName(name)) throw new BadRecord("affected[].package.name", "not a name");
  return { ecosystem, name };
}

/** The events of a range of versions; undefined for one of commits, which is checked all the same. */
function readRange(value: unknown): RangeEvent[] | undefined {
  const range = readFields(value, "affected[].ranges[]");
  const { type } = range;
  if (type !== "ECOSYSTEM" && type !== "SEMVER" && type !== "GIT")
    throw new BadRecord("affected[].ranges[].type", "not a kind of range that we know");
  const isGit = type === "GIT";
  if (isGit && typeof range["repo"] !== "string") throw new BadRecord("affected[].ranges[].repo", "missing");
  const where = "affected[].ranges[].events";
  const events = readList(range["events"], where, most.events).map((event) => readEvent(event, where));
  if (!events.some(({ kind }) => kind === "introduced")) throw new BadRecord(where, "nothing is introduced");
  const has = (wanted: RangeEvent["kind"]): boolean => events.some(({ kind }) => kind === wanted);
  if (events.length > 1 && has("fixed") && has("last_affected"))
    throw new BadRecord(where, "both fixed and last_affected");
  if (!isGit) return events;
  for (const { version } of events) if (!commit.test(version)) throw new BadRecord(where, "not a whole commit");
  return undefined;
}

function readEvent(value: unknown, where: string): RangeEvent {
  const event = readFields(value, where);
  let found: RangeEvent | undefined;
  for (const kind of eventKinds) {
    const version = event[kind];
    if (version === undefined) continue;
    if (!isName(version)) throw new BadRecord(where, `${kind} is no version`);
    if (found !== undefined) throw new BadRecord(where, "one event with two meanings");
    found = { kind, version };
  }
  if (found === undefined) throw new BadRecord(where, "an event without meaning");
  return found;
}

const eventKinds = ["introduced", "fixed", "last_affected", "limit"] as const;

function readList(value: unknown, where: string, limit: number): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new BadRecord(where, "not a list");
  if (value.length > limit) throw new BadRecord(where, `more than ${limit}`);
  return value;
}

function readFields(value: unknown, where: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadRecord(where, "not an object");
  return value as Fields;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= longestName;
}
