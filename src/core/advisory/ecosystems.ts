import { versionSchemes, type VersionScheme } from "../version/index.ts";
import type { PackageType } from "../inventory/index.ts";
import { releaseOf } from "./releases.ts";
import type { AdvisoryKey } from "./types.ts";

/** The OSV ecosystem of a kind of package that is the same on every distribution; undefined for distributions' own kinds. */
export function ecosystemOfType(type: string): string | undefined {
  return languages.get(type);
}

const languages = new Map<string, string>([
  ["npm", "npm"],
  ["pypi", "pypi"],
  ["golang", "go"],
  ["maven", "maven"],
  ["cargo", "crates.io"],
  ["composer", "packagist"],
  ["gem", "rubygems"],
  ["nuget", "nuget"],
]);

/** By ecosystem without its release, the purl type of its packages: what says how versions are ordered. */
const typeOfBase = new Map<string, string>([
  ...[...languages].map(([type, ecosystem]): [string, string] => [ecosystem, type]),
  ...["debian", "ubuntu", "echo"].map((base): [string, string] => [base, "deb"]),
  ...["alpine", "wolfi", "chainguard", "alpaquita", "bellsoft hardened containers", "minimos"].map(
    (base): [string, string] => [base, "apk"],
  ),
  ...[
    "almalinux",
    "rocky linux",
    "red hat",
    "oracle linux",
    "opensuse",
    "suse",
    "photon os",
    "mageia",
    "openeuler",
    "azure linux",
    "amazon linux",
    "fedora",
    "tuxcare",
  ].map((base): [string, string] => [base, "rpm"]),
]);
const schemes: Readonly<Record<string, VersionScheme>> = versionSchemes;

/** `debian` of `debian:12`. */
export function baseOf(ecosystem: string): string {
  const colon = ecosystem.indexOf(":");
  return colon < 0 ? ecosystem : ecosystem.slice(0, colon);
}

/**
 * How versions of `ecosystem` are ordered; where it is one that we do not know, as packages of `type` are: a fleet's own
 * archive is a Debian one. Undefined where nobody knows.
 */
export function schemeOf(ecosystem: string, type: PackageType = "deb"): VersionScheme | undefined {
  const name = typeOfBase.get(baseOf(ecosystem)) ?? type;
  return Object.hasOwn(schemes, name) ? schemes[name] : undefined;
}

/**
 * The key that advisories of a package are kept under: the ecosystem as OSV records or distributions write it
 * (`Ubuntu:22.04:LTS`, `Alpine:v3.19`, `Maven:https://…`), and the name as its ecosystem compares names. What is
 * normalised already stays as it is. OSV schema, affected[].package.
 */
export function advisoryKey(ecosystem: string, name: string): AdvisoryKey {
  const normal = normalEcosystem(ecosystem);
  return { ecosystem: normal, name: normalName(normal, name) };
}

const knownEcosystems = new Map<string, string>();
const mostKnown = 5000;

function normalEcosystem(ecosystem: string): string {
  const before = knownEcosystems.get(ecosystem);
  if (before !== undefined) return before;
  const lower = ecosystem.toLowerCase();
  const base = baseOf(lower);
  const normal = withRelease(base, lower.slice(base.length + 1));
  if (knownEcosystems.size >= mostKnown) knownEcosystems.clear();
  knownEcosystems.set(ecosystem, normal);
  return normal;
}

function withRelease(base: string, release: string): string {
  if (release === "") return base;
  // The address of a repository says where the same package is served.
  if (base === "maven" || base === "packagist") return base;
  if (base === "debian") return `debian:${releaseOf(release) ?? release}`;
  if (base === "ubuntu") return `ubuntu:${release.replace(/:lts$/, "")}`;
  if (base === "alpine") return `alpine:${/^\d/.test(release) ? `v${release}` : release}`;
  return `${base}:${release}`;
}

function normalName(ecosystem: string, name: string): string {
  if (ecosystem === "pypi") return /[A-Z_.]|--/.test(name) ? name.toLowerCase().replace(/[-_.]+/g, "-") : name;
  if (ecosystem === "nuget" || ecosystem === "packagist") return name.toLowerCase();
  return name;
}
