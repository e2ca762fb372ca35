import { maxRangeLength } from "./comparator.ts";
import { compareMaven, parseMaven, type MavenVersion } from "./maven.ts";

/** What a pom says of a dependency. `VersionRange` of maven-artifact, "Dependency Version Requirement Specification" of the POM reference. */
export interface MavenRange {
  /** One of them must hold. */
  readonly restrictions: readonly Restriction[];
  /** A version without brackets: it is wished for, and every other one is taken, too. */
  readonly recommended: MavenVersion | undefined;
}

interface Restriction {
  readonly low: MavenVersion | undefined;
  readonly lowIsIn: boolean;
  readonly high: MavenVersion | undefined;
  readonly highIsIn: boolean;
}

/** The range in `text`: `1.0`, `[1.0]`, `[1.0,2.0)`, `(,1.0],[1.2,)`. Undefined where it is none: brackets that do not close, bounds out of order. */
export function parseMavenRange(text: string): MavenRange | undefined {
  if (text.length > maxRangeLength) return undefined;
  const restrictions: Restriction[] = [];
  let rest = text;
  while (rest.startsWith("[") || rest.startsWith("(")) {
    const end = rest.search(/[\])]/);
    const restriction = end < 0 ? undefined : parseRestriction(rest.slice(0, end + 1));
    if (restriction === undefined || overlaps(restriction, restrictions.at(-1))) return undefined;
    restrictions.push(restriction);
    rest = rest.slice(end + 1).trim();
    if (rest.startsWith(",")) rest = rest.slice(1).trim();
  }
  if (rest === "") return restrictions.length === 0 ? undefined : { restrictions, recommended: undefined };
  const recommended = parseMaven(rest);
  return restrictions.length > 0 || recommended === undefined ? undefined : { restrictions: [everything], recommended };
}

/** Whether a version is in a range. */
export function isInMavenRange(version: MavenVersion, range: MavenRange): boolean {
  return range.restrictions.some(({ low, lowIsIn, high, highIsIn }) => {
    const fromLow = low === undefined ? 1 : compareMaven(version, low);
    const toHigh = high === undefined ? -1 : compareMaven(version, high);
    return (fromLow > 0 || (fromLow === 0 && lowIsIn)) && (toHigh < 0 || (toHigh === 0 && highIsIn));
  });
}

const everything: Restriction = { low: undefined, lowIsIn: false, high: undefined, highIsIn: false };

function parseRestriction(text: string): Restriction | undefined {
  const lowIsIn = text.startsWith("[");
  const highIsIn = text.endsWith("]");
  const inner = text.slice(1, -1).trim();
  const comma = inner.indexOf(",");
  if (comma < 0) {
    const version = parseMaven(inner);
    return lowIsIn && highIsIn && version !== undefined
      ? { low: version, lowIsIn, high: version, highIsIn }
      : undefined;
  }
  const [low, high] = [inner.slice(0, comma).trim(), inner.slice(comma + 1).trim()].map((one) =>
    one === "" ? null : parseMaven(one),
  );
  if (low === undefined || high === undefined) return undefined;
  const order = low === null || high === null ? -1 : compareMaven(low, high);
  if (order > 0 || (order === 0 && !(lowIsIn && highIsIn))) return undefined;
  return { low: low ?? undefined, lowIsIn, high: high ?? undefined, highIsIn };
}

function overlaps({ low }: Restriction, before: Restriction | undefined): boolean {
  return before?.high !== undefined && (low === undefined || compareMaven(low, before.high) < 0);
}
