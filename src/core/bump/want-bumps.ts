import type { Cure, NamedFinding } from "../remedy/index.ts";
import { compareVersions, higherOf, spelledName } from "./order.ts";
import { bumpTypes, type BumpFinding, type BumpMove, type BumpType, type WantedBump } from "./types.ts";

/** What is wrong with an image, as the newest pass found it. */
export interface CuredImage {
  readonly image: string;
  readonly cures: readonly Cure[];
}

/**
 * What the findings of images want of the source that they are made of: each package once, each installed version with the highest of the versions that its cures name, for only that closes them all.
 * Another major version of a Go module is another module, and no remedy names it.
 */
export function wantBumps(images: readonly CuredImage[], types: readonly BumpType[]): WantedBump[] {
  const groups = new Map<
    string,
    { type: BumpType; package: string; targets: Map<string, string>; closes: BumpFinding[] }
  >();
  for (const { image, cures } of images)
    for (const cure of cures) {
      const type = bumpTypes.find((one) => one === cure.type);
      const { remedy, source, version } = cure;
      const to = remedy.kind === "bump-source" ? remedy.offered.version : undefined;
      if (type === undefined || !types.includes(type) || to === undefined) continue;
      const key = `${type} ${spelledName(type, source)}`;
      const group = groups.get(key) ?? { type, package: source, targets: new Map<string, string>(), closes: [] };
      groups.set(key, group);
      const before = group.targets.get(version);
      group.targets.set(version, before === undefined ? to : higherOf(type, before, to));
      group.closes.push(...namedOf(cure).map((finding) => ({ ...finding, image })));
    }
  return [...groups.values()].map(({ targets, closes, ...rest }) => ({
    ...rest,
    moves: [...targets]
      .map(([from, to]): BumpMove => ({ from, to }))
      .sort((a, b) => compareVersions(rest.type, a.from, b.from) ?? 0),
    findings: closes.sort(compareFindings),
  }));
}

function namedOf({ named, ids, severity, exploited }: Cure): readonly NamedFinding[] {
  return named ?? ids.map((id) => ({ id, severity, exploited, fixed: undefined }));
}

const levels = ["critical", "high", "medium", "low", "none", "unknown"] as const;

function compareFindings(a: BumpFinding, b: BumpFinding): number {
  return (
    Number(b.exploited) - Number(a.exploited) ||
    levels.indexOf(a.severity) - levels.indexOf(b.severity) ||
    (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) ||
    (a.image < b.image ? -1 : a.image > b.image ? 1 : 0)
  );
}
