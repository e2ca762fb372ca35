import type { ApkVersion } from "./apk.ts";
import type { CargoVersion } from "./cargo.ts";
import { isInCargoRange, parseCargoRange, type CargoRange } from "./cargo-range.ts";
import type { ComposerVersion } from "./composer.ts";
import { isInComposerRange, parseComposerRange, type ComposerRange } from "./composer-range.ts";
import type { DebVersion } from "./deb.ts";
import {
  isInApkRange,
  isInDebRange,
  isInRpmRange,
  parseApkRange,
  parseDebRange,
  parseRpmRange,
  type DistroRange,
} from "./distro-range.ts";
import type { GemVersion } from "./gem.ts";
import { isInGemRange, parseGemRange, type GemRange } from "./gem-range.ts";
import type { GolangVersion } from "./golang.ts";
import { isInGolangRange, parseGolangRange, type GolangRange } from "./golang-range.ts";
import type { MavenVersion } from "./maven.ts";
import { isInMavenRange, parseMavenRange, type MavenRange } from "./maven-range.ts";
import type { NpmVersion } from "./npm.ts";
import { isInNpmRange, parseNpmRange, type NpmRange } from "./npm-range.ts";
import type { NugetVersion } from "./nuget.ts";
import { isInNugetRange, parseNugetRange, type NugetRange } from "./nuget-range.ts";
import type { PypiVersion } from "./pypi.ts";
import { isInPypiRange, parsePypiRange, type PypiRange } from "./pypi-range.ts";
import type { RpmVersion } from "./rpm.ts";

/** What the packages of one kind say of the versions of a dependency. */
export interface RangeScheme<V = unknown, R = unknown> {
  readonly name: string;
  /** The range in `text`, parsed once; undefined where it is none by the scheme's own rules. Never throws. */
  parse(text: string): R | undefined;
  /** Whether a version, as `versionSchemes` of the same name parses it, is in the range. */
  isIn(version: V, range: R): boolean;
}

const deb: RangeScheme<DebVersion, DistroRange<DebVersion>> = { name: "deb", parse: parseDebRange, isIn: isInDebRange };
const apk: RangeScheme<ApkVersion, DistroRange<ApkVersion>> = { name: "apk", parse: parseApkRange, isIn: isInApkRange };
const rpm: RangeScheme<RpmVersion, DistroRange<RpmVersion>> = { name: "rpm", parse: parseRpmRange, isIn: isInRpmRange };
const npm: RangeScheme<NpmVersion, NpmRange> = {
  name: "npm",
  parse: (text) => parseNpmRange(text),
  isIn: isInNpmRange,
};
const pypi: RangeScheme<PypiVersion, PypiRange> = { name: "pypi", parse: parsePypiRange, isIn: isInPypiRange };
const golang: RangeScheme<GolangVersion, GolangRange> = {
  name: "golang",
  parse: parseGolangRange,
  isIn: isInGolangRange,
};
const maven: RangeScheme<MavenVersion, MavenRange> = { name: "maven", parse: parseMavenRange, isIn: isInMavenRange };
const gem: RangeScheme<GemVersion, GemRange> = { name: "gem", parse: parseGemRange, isIn: isInGemRange };
const nuget: RangeScheme<NugetVersion, NugetRange> = { name: "nuget", parse: parseNugetRange, isIn: isInNugetRange };
const composer: RangeScheme<ComposerVersion, ComposerRange> = {
  name: "composer",
  parse: parseComposerRange,
  isIn: isInComposerRange,
};
const cargo: RangeScheme<CargoVersion, CargoRange> = { name: "cargo", parse: parseCargoRange, isIn: isInCargoRange };

/** Every kind of range that we know, by the purl type of the packages that it is of. Another one is: a file, a line here, a test. */
export const rangeSchemes = {
  deb,
  apk,
  rpm,
  npm,
  pypi,
  golang,
  maven,
  gem,
  nuget,
  composer,
  cargo,
} as const satisfies Record<string, RangeScheme>;
