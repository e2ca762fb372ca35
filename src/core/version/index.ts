export { compareDeb, compareDebText, isDebVersion, parseDeb, type DebVersion } from "./deb.ts";
export { compareSemver, isInRange, parseSemver, parseSemverRange, type Semver, type SemverRange } from "./semver.ts";
export { rangeSchemes, type RangeScheme } from "./range-scheme.ts";
export { versionSchemes, type VersionScheme } from "./scheme.ts";
