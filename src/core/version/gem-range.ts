import { holds, maxRangeLength, type Operator } from "./comparator.ts";
import { bumpGem, compareGem, parseGem, type GemVersion } from "./gem.ts";
import { compareKeys, type Keyed } from "./key.ts";

/** What a gem says of a dependency: all must hold. `Gem::Requirement` of RubyGems. */
export type GemRange = readonly Requirement[];

type Requirement =
  | { readonly operator: Operator; readonly version: GemVersion }
  /** `~> 1.2.3`: from 1.2.3, and below 1.3. */
  | { readonly operator: "~>"; readonly version: GemVersion; readonly next: Keyed };

/** The range in `text`: requirements with commas between them. Undefined where one is wrong. */
export function parseGemRange(text: string): GemRange | undefined {
  if (text.length > maxRangeLength) return undefined;
  const requirements: Requirement[] = [];
  for (const part of text.split(",")) {
    const [, operator = "=", written = ""] = /^(=|!=|>=|<=|~>|>|<)?\s*(\d.*)$/s.exec(part.trim()) ?? [];
    const version = written === "" ? undefined : parseGem(written);
    if (version === undefined) return undefined;
    requirements.push(
      operator === "~>" ? { operator, version, next: bumpGem(written) } : { operator: operator as Operator, version },
    );
  }
  return requirements;
}

/** Whether a version is in a range. */
export function isInGemRange(version: GemVersion, range: GemRange): boolean {
  return range.every((one) => {
    const order = compareGem(version, one.version);
    return one.operator === "~>"
      ? order >= 0 && compareKeys(version.release, one.next) < 0
      : holds(one.operator, order);
  });
}
