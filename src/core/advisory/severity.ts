import { baseScore, isVector, type CvssType } from "./cvss.ts";
import type { Severity } from "./types.ts";

type Level = Severity["level"];

/** What one `severity` of an OSV record may be. OSV schema, severity[]. */
export interface Rating {
  readonly type: CvssType | "Ubuntu";
  readonly score: string;
}

/** From which base score on a vulnerability is critical. CVSS 3.1 specification, 5. */
const criticalScore = 9;
const mostRatings = 20;
const ratingTypes = new Set(["CVSS_V2", "CVSS_V3", "CVSS_V4", "Ubuntu"]);
const ubuntuWords = new Set(["negligible", "low", "medium", "high", "critical"]);
/** Databases' words for how bad it is: GitHub's, Ubuntu's, Red Hat's and those made after it, Debian's urgencies. */
const levels = new Map<string, Level>([
  ["unimportant", "none"],
  ["negligible", "low"],
  ["low", "low"],
  ["minor", "low"],
  ["moderate", "medium"],
  ["medium", "medium"],
  ["important", "high"],
  ["high", "high"],
  ["critical", "critical"],
]);

/** The ratings in a record's `severity`; a sentence where one breaks the schema. What is beyond the first twenty is not looked at. */
export function parseRatings(value: unknown): readonly Rating[] | string {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return "not a list";
  const ratings: Rating[] = [];
  for (const one of value.slice(0, mostRatings) as unknown[]) {
    if (typeof one !== "object" || one === null) return "not a rating";
    const { type, score } = one as { readonly type?: unknown; readonly score?: unknown };
    if (typeof type !== "string" || !ratingTypes.has(type)) return "not a kind of rating that we know";
    if (typeof score !== "string") return "a rating without a score";
    const rating = { type: type as Rating["type"], score };
    if (!(rating.type === "Ubuntu" ? ubuntuWords.has(score) : isVector(rating.type, score)))
      return "not such a rating's score";
    ratings.push(rating);
  }
  return ratings;
}

/** How bad it is by its ratings: the distribution's own word, else the newest CVSS that can be computed, the worst of several. */
export function severityOfRatings(ratings: readonly Rating[]): Severity | undefined {
  let worst: Severity | undefined;
  for (const rating of ratings)
    worst = worseOf(worst, rating.type === "Ubuntu" ? byDistro(rating.score) : scored(rating));
  return worst;
}

/** The severity that a distribution's own word stands for; undefined where it stands for none, as `not yet assigned`. */
export function byDistro(word: unknown): Severity | undefined {
  const level = levelOf(word);
  return level === undefined ? undefined : { level, by: "distro" };
}

/** The severity that the word of the database that published it stands for, as GitHub's `MODERATE`. */
export function byDatabase(word: unknown): Severity | undefined {
  const level = levelOf(word);
  return level === undefined ? undefined : { level, by: "database" };
}

/** Of two severities the one that counts: the distribution's word before CVSS, CVSS 4 before 3 before 2, that before a database's word; of equals the worse. */
export function worseOf(a: Severity | undefined, b: Severity | undefined): Severity | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return compareSeverity(a, b) <= 0 ? a : b;
}

function compareSeverity(a: Severity, b: Severity): number {
  return (
    trust(a) - trust(b) ||
    rank(b.level) - rank(a.level) ||
    (b.score ?? 0) - (a.score ?? 0) ||
    compareText(a.vector ?? "", b.vector ?? "")
  );
}

function trust({ by, vector = "" }: Severity): number {
  if (by === "distro") return 0;
  if (by === "database") return 4;
  return vector.startsWith("CVSS:4") ? 1 : vector.startsWith("CVSS:3") ? 2 : 3;
}

const order: readonly Level[] = ["none", "low", "medium", "high", "critical"];

function rank(level: Level): number {
  return order.indexOf(level);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether any rating, whoever made it, is critical: what takes the urgent lane. */
export function isCriticalByRating(ratings: readonly Rating[]): boolean {
  return ratings.some((rating) =>
    rating.type === "Ubuntu" ? rating.score === "critical" : (scored(rating)?.score ?? 0) >= criticalScore,
  );
}

/** Whether a database's own word is its highest: `critical`, or Debian's `high`, sometimes with a mark behind it. */
export function isCriticalByWord(word: unknown): boolean {
  return typeof word === "string" && (/^critical$/i.test(word) || word.startsWith("high"));
}

function levelOf(word: unknown): Level | undefined {
  if (typeof word !== "string" || word.length > 32) return undefined;
  return levels.get(word.replace(/\*+$/, "").toLowerCase());
}

/** Vectors that were computed before: a feed has a hundred times more records than vectors. */
const known = new Map<string, Severity>();
const mostKnown = 20_000;

function scored({ type, score: vector }: Rating): Severity | undefined {
  if (type === "Ubuntu") return undefined;
  const before = known.get(vector);
  if (before !== undefined) return before;
  const score = baseScore(type, vector);
  if (score === undefined) return undefined;
  if (known.size >= mostKnown) known.clear();
  const severity: Severity = { level: levelOfScore(type, score), by: "cvss", score, vector };
  known.set(vector, severity);
  return severity;
}

/** CVSS 3.1 specification, 5; for version 2 the bands of the NVD, which have no `critical`. */
function levelOfScore(type: CvssType, score: number): Level {
  if (score === 0) return "none";
  if (score < 4) return "low";
  if (score < 7) return "medium";
  return score < criticalScore || type === "CVSS_V2" ? "high" : "critical";
}
