import type { ScanFinding, ScanPlatform, ScanReport } from "./types.ts";

/** What differs between two scans, ignored findings left out. */
export interface ScanComparison {
  readonly added: readonly ScanFinding[];
  readonly gone: readonly ScanFinding[];
  readonly stayed: readonly ScanFinding[];
  /** Why what is gone may only be unseen, and what is new may only have been unseen before. */
  readonly doubts: readonly string[];
}

/**
 * `after` against `before`, platform by platform (those of one platform each are compared whatever they are called). Findings are the same where they name one vulnerability, by id or alias,
 * in one package at one place, whatever its version.
 */
export function compareScans(before: ScanReport, after: ScanReport): ScanComparison {
  const pairs = pairPlatforms(before.platforms, after.platforms);
  const added: ScanFinding[] = [];
  const gone: ScanFinding[] = [];
  const stayed: ScanFinding[] = [];
  const doubts: string[] = [];
  for (const [old, now] of pairs) {
    for (const [side, name] of [
      [old, before.subject.name],
      [now, after.subject.name],
    ] as const) {
      if (side?.state === "unknown") doubts.push(`${name}: ${side.reasons.slice(0, 3).join("; ")}`);
      if (side === undefined) doubts.push(`${name}: it has no ${(old ?? now)?.platform ?? "such platform"}`);
    }
    const was = indexOf(old?.findings ?? []);
    const is = indexOf(now?.findings ?? []);
    for (const finding of counted(now)) (keysOf(finding).some((key) => was.has(key)) ? stayed : added).push(finding);
    gone.push(...counted(old).filter((finding) => !keysOf(finding).some((key) => is.has(key))));
  }
  return { added, gone, stayed, doubts: [...new Set(doubts)] };
}

function pairPlatforms(
  before: readonly ScanPlatform[],
  after: readonly ScanPlatform[],
): (readonly [ScanPlatform | undefined, ScanPlatform | undefined])[] {
  if (before.length === 1 && after.length === 1) return [[before[0], after[0]]];
  const names = [...new Set([...after, ...before].map(({ platform }) => platform))];
  return names.map((name) => [
    before.find(({ platform }) => platform === name),
    after.find(({ platform }) => platform === name),
  ]);
}

function counted(platform: ScanPlatform | undefined): ScanFinding[] {
  return (platform?.findings ?? []).filter(({ ignored }) => ignored === undefined);
}

/** What was set aside on one side is not new on the other. */
function indexOf(findings: readonly ScanFinding[]): ReadonlySet<string> {
  return new Set(findings.flatMap(keysOf));
}

function keysOf({ id, aliases, type, package: name, path }: ScanFinding): string[] {
  return [id, ...aliases].map((one) => JSON.stringify([one, type, name, path ?? ""]));
}
