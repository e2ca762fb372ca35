import type { Digest } from "../../lib/index.ts";

/** A package as a package manager is told to upgrade it. */
export interface UpgradeTarget {
  readonly name: string;
  readonly version: string;
}

export interface PatchDockerfileInput {
  /** Name of the original's repository, without tag or digest: `registry.example/app`. */
  readonly repository: string;
  readonly digest: Digest;
  readonly manager: "apt" | "apk" | "dnf";
  readonly packages: readonly UpgradeTarget[];
  /** The original's `User`: RUN needs root, and the image is left as it was. */
  readonly user?: string | undefined;
}

const names = /^[a-z0-9][a-z0-9+._-]*$/i;
const versions = /^[a-z0-9][a-z0-9.+:~^_-]*$/i;
const repositories = /^[a-z0-9]+(?:[._:/-]+[a-z0-9]+)*$/i;

/**
 * A Dockerfile that upgrades exactly these packages of an image, in one step that leaves neither indices nor logs, and nothing that the original does not hold. A version that its suites no longer
 * offer fails the build. Throws RangeError for names and versions that no package manager has, for they stand in a shell's command.
 */
export function patchDockerfile({ repository, digest, manager, packages, user }: PatchDockerfileInput): string {
  if (!repositories.test(repository)) throw new RangeError(`"${repository.slice(0, 100)}" is no repository`);
  if (packages.length === 0) throw new RangeError("there is nothing to upgrade");
  for (const { name, version } of packages)
    if (!names.test(name) || !versions.test(version))
      throw new RangeError(`"${`${name}=${version}`.slice(0, 100)}" is no package and version`);
  if (user !== undefined && !/^[\w.:@-]*$/.test(user)) throw new RangeError(`"${user.slice(0, 100)}" is no user`);
  const isOther = user !== undefined && user !== "";
  return [
    `FROM ${repository}@${digest}`,
    ...(isOther ? ["USER 0:0"] : []),
    `RUN ${steps[manager](packages).join(" \\\n && ")}`,
    ...(isOther ? [`USER ${user}`] : []),
    "",
  ].join("\n");
}

const steps: Readonly<Record<PatchDockerfileInput["manager"], (packages: readonly UpgradeTarget[]) => string[]>> = {
  // No --only-upgrade: what the new versions newly depend on is named too, and --no-remove holds the rest. https://manpages.debian.org/apt-get
  apt: (packages) => [
    "apt-get update",
    `DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends --no-remove -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold${listed(packages, "=")}`,
    "apt-get clean",
    "rm -rf /var/cache/apt/*.bin /var/log/dpkg.log /var/log/alternatives.log /var/lib/dpkg/status-old /var/cache/debconf/*-old",
    // The folders are the packages': only what is in them goes.
    "{ find /var/lib/apt/lists /var/log/apt -type f -delete || true; }",
  ],
  apk: (packages) => [
    `apk add --no-cache --upgrade${listed(packages, "=")}`,
    "rm -rf /var/cache/apk/* /var/log/apk.log",
  ],
  dnf: (packages) => [
    `dnf -y upgrade --setopt=install_weak_deps=False${listed(packages, "-")}`,
    "dnf clean all",
    "rm -rf /var/cache/dnf /var/log/dnf*",
  ],
};

function listed(packages: readonly UpgradeTarget[], between: string): string {
  const sorted = packages.map(({ name, version }) => `${name}${between}${version}`).sort();
  return sorted.map((one) => ` \\\n      ${one}`).join("");
}
