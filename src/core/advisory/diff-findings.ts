import { isSettled } from "./apply-vex.ts";
import type { AdvisoryReport, Finding } from "./types.ts";

/** What feeds say of two inventories, beside each other. */
export interface FindingDifference {
  /** Only the first has them, and only the second: each once for a package, in the order of packages and ids. */
  readonly closed: readonly Finding[];
  readonly brought: readonly Finding[];
  /** Of what both have, what the second's is. */
  readonly remain: readonly Finding[];
}

/** Which vulnerabilities go and come from `before` to `after`: one is the same by its id, or another name of it, in a package of the same name. What is not known of either is not found here: see their states. */
export function diffFindings(
  before: Pick<AdvisoryReport, "findings">,
  after: Pick<AdvisoryReport, "findings">,
): FindingDifference {
  const [inBefore, inAfter] = [namesOf(before.findings), namesOf(after.findings)];
  const isIn = (names: ReadonlySet<string>, one: Finding): boolean => keysOfFinding(one).some((key) => names.has(key));
  return {
    closed: each(before.findings.filter((one) => !isIn(inAfter, one))),
    brought: each(after.findings.filter((one) => !isIn(inBefore, one))),
    remain: each(after.findings.filter((one) => isIn(inBefore, one))),
  };
}

function keysOfFinding({ id, aliases, type, package: name }: Finding): string[] {
  return [id, ...aliases].map((each) => `${each}\0${type}\0${name}`);
}

function namesOf(findings: readonly Finding[]): ReadonlySet<string> {
  return new Set(findings.flatMap(keysOfFinding));
}

/** One for each id and package, one that counts before one that is set aside: architectures and places are not told apart. */
function each(findings: readonly Finding[]): Finding[] {
  const first = new Map<string, Finding>();
  for (const one of findings) {
    const key = `${one.package}\0${one.id}\0${one.type}`;
    const other = first.get(key);
    if (other === undefined || (isSettled(other) && !isSettled(one))) first.set(key, one);
  }
  return [...first].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
