import type { OsRelease } from "../inventory/index.ts";
import { releaseOf } from "./releases.ts";

/** How advisories speak of a distribution's packages. */
export interface Distro {
  /** Ecosystems that speak of it, as advisoryKey has them; what the first one says of a vulnerability counts before the next. */
  readonly ecosystems: readonly [string, ...string[]];
  /** Whose name they are kept under: that of the source package, of the binary one, or of either. */
  readonly named: "source" | "binary" | "both";
}

type Named = Distro["named"];

/** Modules of SUSE Linux Enterprise that packages of a container come from: each is a product of its own there. */
const suseModules = [
  "basesystem",
  "server applications",
  "development tools",
  "containers",
  "web and scripting",
  "python 3",
  "legacy",
];

/** By ID of os-release, how its ecosystem is called where that is the base and the release; `major` takes only the first number of it. */
const plain = new Map<string, { readonly base: string; readonly major?: true; readonly named: Named }>([
  ["almalinux", { base: "almalinux", major: true, named: "binary" }],
  ["rocky", { base: "rocky linux", major: true, named: "both" }],
  ["ol", { base: "oracle linux", major: true, named: "binary" }],
  ["photon", { base: "photon os", named: "source" }],
  ["mageia", { base: "mageia", major: true, named: "source" }],
  ["azurelinux", { base: "azure linux", major: true, named: "source" }],
  ["mariner", { base: "azure linux", major: true, named: "source" }],
  ["amzn", { base: "amazon linux", named: "binary" }],
  ["fedora", { base: "fedora", named: "binary" }],
  ["alpaquita", { base: "alpaquita", named: "source" }],
]);
/** Distributions without releases. */
const rolling = new Map([
  ["wolfi", "wolfi"],
  ["chainguard", "chainguard"],
  ["minimos", "minimos"],
  ["opensuse-tumbleweed", "opensuse:tumbleweed"],
]);

/** How advisories speak of the packages of what os-release names; undefined where it does not name its release. os-release(5); OSV schema, defined ecosystems. */
export function distroOf(os: OsRelease): Distro | undefined {
  const id = os.id.toLowerCase();
  const without = rolling.get(id);
  if (without !== undefined)
    return { ecosystems: [without], named: without.startsWith("opensuse") ? "binary" : "both" };
  const release = releaseName(id, os);
  if (release === undefined) return undefined;
  const known = plain.get(id);
  if (known !== undefined)
    return { ecosystems: [`${known.base}:${known.major === true ? major(release) : release}`], named: known.named };
  switch (id) {
    case "ubuntu":
      return { ecosystems: [`ubuntu:${release}`, `ubuntu:pro:${release}`], named: "source" };
    case "alpine":
      return { ecosystems: [`alpine:${alpineBranch(release)}`], named: "source" };
    case "rhel": {
      const product = `red hat:enterprise_linux:${major(release)}`;
      return { ecosystems: [`${product}::baseos`, `${product}::appstream`, `${product}::crb`], named: "binary" };
    }
    case "opensuse-leap":
    case "opensuse":
      return { ecosystems: [`opensuse:leap ${release}`], named: "binary" };
    case "sles":
    case "sled":
      return { ecosystems: suseEcosystems(os, release), named: "binary" };
    case "openeuler":
      return { ecosystems: [`openeuler:${euler(os, release)}`], named: "source" };
    default:
      return { ecosystems: [`${id}:${release}`], named: "source" };
  }
}

/** The OSV ecosystem of what os-release names, in lower case: `debian:12`; undefined where it does not name its release. OSV schema, defined ecosystems. */
export function ecosystemOf(os: OsRelease | undefined): string | undefined {
  return os === undefined ? undefined : distroOf(os)?.ecosystems[0];
}

function releaseName(id: string, { versionId, codename }: OsRelease): string | undefined {
  if (id === "debian") return versionId === undefined ? releaseOf(codename ?? "") : major(versionId);
  return versionId?.toLowerCase();
}

function major(release: string): string {
  return release.split(".")[0] ?? release;
}

/** `v3.19` of 3.19.1; what is on its way to a release is `edge`. */
function alpineBranch(release: string): string {
  const [, branch] = /^(\d+\.\d+)(?:\.\d+)?$/.exec(release) ?? [];
  return branch === undefined ? "edge" : `v${branch}`;
}

/** `15.5` is called `15 SP5` there. */
function suseEcosystems({ prettyName }: OsRelease, release: string): [string, ...string[]] {
  const [, number = release, pack] = /^(\d+)\.(\d+)$/.exec(release) ?? [];
  const suffix = pack === undefined || pack === "0" ? number : `${number} sp${pack}`;
  const name = prettyName?.toLowerCase().replace(/^suse /, "") ?? `linux enterprise server ${suffix}`;
  return [`suse:${name}`, ...suseModules.map((module) => `suse:linux enterprise module for ${module} ${suffix}`)];
}

/** `openEuler 22.03 (LTS-SP1)` is `22.03-LTS-SP1` there. */
function euler({ prettyName }: OsRelease, release: string): string {
  const [, stage] = /\(([^()]{1,32})\)/.exec(prettyName ?? "") ?? [];
  return stage === undefined ? release : `${release}-${stage.toLowerCase()}`;
}
