import { compareKeys, joinKey, maxVersionLength, numberKey, type Keyed } from "./key.ts";

/** An rpm version, `[epoch:]version[-release]`. rpm-version(7), and rpmvercmp of rpm 4.15 and later, with `~` and `^`. */
export interface RpmVersion extends Keyed {
  /** The key of epoch and version alone: a dependency without a release takes every one. */
  readonly versionKey: string;
  readonly hasRelease: boolean;
}

/** What can come at a place, lowest first. All are below letters, which so end before them. */
const tilde = "\u0001";
const end = "\u0002";
const caret = "\u0003";
const letters = "\u0004";
const digits = "\u0005";
const releaseFollows = "\u0002";

/** The version in `text`; undefined where it is empty or too long: rpm refuses hardly anything, and everything has its place in the order. */
export function parseRpm(text: string): RpmVersion | undefined {
  if (text === "" || text.length > maxVersionLength) return undefined;
  const colon = /^\d*:/.exec(text)?.[0].length ?? 0;
  const rest = text.slice(colon);
  const dash = rest.lastIndexOf("-");
  const hasRelease = dash >= 0;
  const version = [
    numberKey(text.slice(0, Math.max(0, colon - 1))),
    ...runsOf(hasRelease ? rest.slice(0, dash) : rest),
  ];
  const release = hasRelease ? [releaseFollows, ...runsOf(rest.slice(dash + 1))] : [];
  return { key: joinKey([...version, ...release]), versionKey: joinKey(version), hasRelease };
}

/** Order of two versions as rpm has it (rpmverCmp): one without a release is below the same with one. */
export const compareRpm: (a: RpmVersion, b: RpmVersion) => number = compareKeys;

/** Runs of letters and of digits; whatever stands between them only parts them. */
function runsOf(text: string): string[] {
  const key: string[] = [];
  for (const [run] of text.matchAll(/\d+|[A-Za-z]+|[~^]/g)) {
    const first = run.charCodeAt(0);
    if (run === "~") key.push(tilde);
    else if (run === "^") key.push(caret);
    else if (first <= 57) key.push(digits, numberKey(run));
    else key.push(letters, run);
  }
  key.push(end);
  return key;
}
