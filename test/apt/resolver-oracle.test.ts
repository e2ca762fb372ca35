import { readFile } from "node:fs/promises";
import { afterAll, describe, expect } from "vitest";
import {
  createUniverse,
  resolvePackages,
  type PackageUniverse,
  type ResolveRequest,
} from "../../src/core/packages/index.ts";
import { needs } from "../needs.ts";
import { AptRefusal, createAptOracle, missingApt, type AptOracle } from "./apt-oracle.ts";
import { findDebianMirror } from "./debian-mirror.ts";

const missing = await missingApt();
const timeoutMs = 240_000;

interface World {
  readonly oracle: AptOracle;
  readonly universe: PackageUniverse;
}

const worlds = new Map<string, Promise<World>>();

/** apt with these suites, and a universe of the very files that it reads. */
function openWorld(release: string, architecture: string, suffixes = ["", "-updates", "-security"], preferences = "") {
  const key = JSON.stringify([release, architecture, suffixes, preferences]);
  let world = worlds.get(key);
  if (world === undefined) {
    world = createWorld(
      suffixes.map((suffix) => release + suffix),
      architecture,
      preferences,
    );
    worlds.set(key, world);
  }
  return world;
}

async function createWorld(suites: readonly string[], architecture: string, preferences: string): Promise<World> {
  const mirror = findDebianMirror();
  if (mirror === undefined) throw new Error("no Debian mirror");
  const oracle = await createAptOracle({ mirror, suites, architecture, preferences });
  const lists = await oracle.lists();
  expect(lists.map(({ suite }) => suite)).toEqual(suites);
  const indices = await Promise.all(
    lists.map(async ({ suite, path }) => ({ origin: suite, bytes: await readFile(path) })),
  );
  return { oracle, universe: createUniverse(architecture, indices) };
}

afterAll(async () => {
  for (const world of await Promise.allSettled(worlds.values())) {
    if (world.status === "fulfilled") await world.value.oracle.close();
  }
});

function ourAnswer(
  universe: PackageUniverse,
  list: string,
  options: { recommends?: boolean; essential?: boolean } = {},
) {
  const resolution = resolvePackages({ roots: rootsOf(list), ...options }, universe);
  if (resolution.kind === "unsatisfiable") return resolution.chain;
  return resolution.packages.map(({ name, version, architecture }) => `${name}=${version}:${architecture}`);
}

async function aptAnswer(oracle: AptOracle, roots: readonly string[], options: { recommends?: boolean } = {}) {
  // the order of the roots is the reader's, and means nothing to us: apt is asked by name
  const packages = await oracle.install([...roots].sort(), options);
  return packages.map(({ name, version, architecture }) => `${name}=${version}:${architecture}`);
}

function rootsOf(list: string): string[] {
  return list.split(" ");
}

const bookwormLists = [
  "curl",
  "wget",
  "python3",
  "python3-venv python3-pip",
  "python3-numpy python3-requests",
  "git",
  "nginx",
  "nginx-full",
  "perl",
  "openssh-server",
  "openssh-client rsync",
  "postgresql",
  "postgresql-client",
  "default-jre-headless",
  "openjdk-17-jdk-headless maven",
  "build-essential",
  "gcc",
  "clang cmake ninja-build",
  "r-base",
  "php",
  "php-fpm php-mysql",
  "ruby",
  "ruby-rails",
  "nodejs",
  "nodejs npm",
  "apache2",
  "apache2 libapache2-mod-php",
  "samba",
  "vim",
  "emacs-nox",
  "mariadb-server",
  "exim4",
  "postfix",
  "docker.io",
  "podman",
  "busybox-static",
  "ca-certificates",
  "tzdata",
  "dbus",
  "systemd",
  "systemd-sysv",
  "network-manager",
  "libreoffice-core",
  "imagemagick",
  "ffmpeg",
  "texlive-base",
  "gnuplot-nox",
  "redis-server",
  "haproxy",
  "memcached",
  "golang-go",
  "rustc cargo",
  "erlang-nox",
  "ghc",
  "sqlite3 jq",
  "tcpdump nmap",
  "gimp",
  "xfce4",
  "qemu-system-x86",
  "slapd",
  "bind9",
  "cups",
  "munin",
  "default-mta",
  "mawk",
  "bash coreutils apt",
  "locales",
  "sudo cron logrotate",
  "chromium",
  "firefox-esr",
  "tomcat10",
  "linux-image-amd64",
  "initramfs-tools",
  "libc6-dev:amd64",
  "curl python3 git nginx busybox-static tzdata ca-certificates",
];
const trixieLists = [
  "curl",
  "python3",
  "git",
  "nginx",
  "postgresql",
  "default-jre-headless",
  "build-essential",
  "php",
  "nodejs",
  "apache2",
  "systemd",
  "mariadb-server",
  "exim4",
  "ffmpeg",
  "network-manager",
  "r-base",
  "libreoffice-core",
  "default-mta",
  "base-files bash apt",
  "curl python3 git nginx busybox-static tzdata ca-certificates",
];

describe.concurrent("the closure of a list is the one that apt installs on an empty bookworm", () => {
  for (const list of bookwormLists) {
    needs(missing)(
      list,
      async () => {
        const { oracle, universe } = await openWorld("bookworm", "amd64");
        expect(ourAnswer(universe, list)).toEqual(await aptAnswer(oracle, rootsOf(list)));
      },
      timeoutMs,
    );
  }

  for (const list of ["nginx", "bash", "apt ca-certificates", "python3 curl git"]) {
    needs(missing)(
      `the Essential set with ${list}`,
      async () => {
        const { oracle, universe } = await openWorld("bookworm", "amd64");
        const roots = new Set([...rootsOf(list), ...universe.essential()]);
        expect(ourAnswer(universe, list, { essential: true })).toEqual(await aptAnswer(oracle, [...roots]));
      },
      timeoutMs,
    );
  }

  for (const list of ["curl", "git", "nginx", "python3-pip", "exim4"]) {
    needs(missing)(
      `${list} with what it recommends`,
      async () => {
        const { oracle, universe } = await openWorld("bookworm", "amd64");
        const theirs = await aptAnswer(oracle, rootsOf(list), { recommends: true });
        expect(ourAnswer(universe, list, { recommends: true })).toEqual(theirs);
      },
      timeoutMs,
    );
  }

  for (const list of [
    "mail-transport-agent",
    "no-such-package",
    "curl=0",
    "systemd-sysv sysvinit-core",
    "nginx-light=1",
  ]) {
    needs(missing)(
      `${list}: apt refuses, and so do we`,
      async () => {
        const { oracle, universe } = await openWorld("bookworm", "amd64");
        await expect(oracle.install(rootsOf(list))).rejects.toThrow(AptRefusal);
        expect(resolvePackages({ roots: rootsOf(list) }, universe).kind).toBe("unsatisfiable");
      },
      timeoutMs,
    );
  }
});

describe.concurrent("other releases, architectures and pins", () => {
  for (const list of trixieLists) {
    needs(missing)(
      `trixie: ${list}`,
      async () => {
        const { oracle, universe } = await openWorld("trixie", "amd64");
        expect(ourAnswer(universe, list)).toEqual(await aptAnswer(oracle, rootsOf(list)));
      },
      timeoutMs,
    );
  }

  for (const list of ["curl", "python3 git", "nginx", "default-jre-headless"]) {
    needs(missing)(
      `arm64: ${list}`,
      async () => {
        const { oracle, universe } = await openWorld("bookworm", "arm64");
        expect(ourAnswer(universe, list)).toEqual(await aptAnswer(oracle, rootsOf(list)));
      },
      timeoutMs,
    );
    needs(missing)(
      `the release suite alone: ${list}`,
      async () => {
        const { oracle, universe } = await openWorld("bookworm", "amd64", [""]);
        expect(ourAnswer(universe, list)).toEqual(await aptAnswer(oracle, rootsOf(list)));
      },
      timeoutMs,
    );
  }

  needs(missing)(
    "a package that is not its newest, by =version and by /suite",
    async () => {
      const { oracle, universe } = await openWorld("bookworm", "amd64");
      for (const name of severalVersions(universe).slice(0, 4)) {
        const oldest = universe.versions(name).at(-1);
        for (const root of [`${name}=${oldest?.version}`, `${name}/${oldest?.origin}`]) {
          expect(ourOutcome(universe, { roots: [root] }), root).toEqual(await aptOutcome(oracle, [root]));
        }
      }
    },
    timeoutMs,
  );

  needs(missing)(
    "held versions as pins of priority 1001, excluded packages as pins of priority -1",
    async () => {
      const { universe } = await openWorld("bookworm", "amd64");
      const held = severalVersions(universe).slice(0, 3);
      const pins = Object.fromEntries(held.map((name) => [name, universe.versions(name).at(-1)?.version ?? ""]));
      const exclude = ["mawk", "exim4-daemon-light"];
      const preferences = [
        ...Object.entries(pins).map(
          ([name, version]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`,
        ),
        ...exclude.map((name) => `Package: ${name}\nPin: release *\nPin-Priority: -1\n`),
      ].join("\n");
      const { oracle } = await openWorld("bookworm", "amd64", undefined, preferences);
      for (const list of ["base-files", "mailutils", "exim4", "curl git", ...held]) {
        const ours = ourOutcome(universe, { roots: rootsOf(list), pins, exclude });
        expect(ours, list).toEqual(await aptOutcome(oracle, rootsOf(list)));
      }
    },
    timeoutMs,
  );
});

/** Of some well-known packages those that the suites offer in more than one version. */
function severalVersions(universe: PackageUniverse): string[] {
  const known = [
    "openssl",
    "curl",
    "git",
    "tzdata",
    "perl-base",
    "libexpat1",
    "python3.11",
    "bind9-host",
    "nginx",
    "vim",
  ];
  return known.filter((name) => universe.versions(name).length > 1);
}

function ourOutcome(universe: PackageUniverse, request: ResolveRequest): readonly string[] | "refused" {
  const resolution = resolvePackages(request, universe);
  if (resolution.kind === "unsatisfiable") return "refused";
  return resolution.packages.map(({ name, version, architecture }) => `${name}=${version}:${architecture}`);
}

async function aptOutcome(oracle: AptOracle, roots: readonly string[]): Promise<readonly string[] | "refused"> {
  try {
    return await aptAnswer(oracle, roots);
  } catch (error) {
    if (error instanceof AptRefusal) return "refused";
    throw error;
  }
}
