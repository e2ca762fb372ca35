import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findDebianMirror, sourceOf, type DebianMirror } from "./debian-mirror.ts";

/** A package as apt says that it would install it. */
export interface AptPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
}

/** A Packages file that apt downloaded and reads. */
export interface AptList {
  readonly suite: string;
  readonly path: string;
}

export interface AptOracle {
  /**
   * What apt-get install of `list` would install on an empty system, without recommended packages, sorted by name. Throws
   * {@link AptRefusal} where apt finds no solution.
   */
  install(list: readonly string[], options?: { readonly recommends?: boolean }): Promise<AptPackage[]>;
  /** The Packages files that apt itself reads, in the order of the suites. */
  lists(): Promise<AptList[]>;
  close(): Promise<void>;
}

export interface AptOracleOptions {
  readonly mirror: DebianMirror;
  /** In the order of the sources: `bookworm`, `bookworm-updates`, `bookworm-security`. */
  readonly suites: readonly string[];
  readonly architecture: string;
  /** Lines for apt's preferences: pins. */
  readonly preferences?: string;
}

/** apt's own words where it finds no solution. */
export class AptRefusal extends Error {}

const run = promisify(execFile);
const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg";
const updateTimeoutMs = 180_000;

/** Why apt cannot be asked here; undefined where it can. */
export async function missingApt(): Promise<string | undefined> {
  if (process.platform !== "linux" || !existsSync("/usr/bin/apt-get")) return "no apt-get here";
  if (!existsSync(keyring)) return "no keyring of the Debian archive here";
  const mirror = findDebianMirror();
  if (mirror === undefined) return "no Debian mirror in TIDEMILL_DEBIAN_MIRROR or the apt sources";
  try {
    const answer = await fetch(`${mirror.archive.replace(/\/+$/, "")}/dists/bookworm/InRelease`, {
      method: "HEAD",
      signal: AbortSignal.timeout(10_000),
    });
    return answer.ok ? undefined : `the Debian mirror answers ${answer.status}`;
  } catch {
    return "the Debian mirror cannot be reached";
  }
}

/** The real apt with a folder of its own: its own sources, lists and an empty status file. Downloads the indices once. */
export async function createAptOracle(options: AptOracleOptions): Promise<AptOracle> {
  const { mirror, suites, architecture, preferences = "" } = options;
  const root = await mkdtemp(join(tmpdir(), "tidemill-apt-"));
  const listsFolder = join(root, "var/lib/apt/lists");
  for (const folder of [
    "etc/apt/apt.conf.d",
    "etc/apt/preferences.d",
    "var/lib/apt/lists/partial",
    "var/cache/apt/archives/partial",
  ]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await writeFile(join(root, "status"), "");
  await writeFile(join(root, "etc/apt/preferences"), preferences);
  const sources = suites.map((suite) => {
    const { uri } = sourceOf(mirror, suite);
    return `deb [arch=${architecture} signed-by=${keyring}] ${uri} ${suite} main\n`;
  });
  await writeFile(join(root, "etc/apt/sources.list"), sources.join(""));
  await writeFile(join(root, "apt.conf"), await configuration(root, architecture));

  async function apt(parameters: readonly string[], timeout: number): Promise<string> {
    const env = { ...process.env, APT_CONFIG: join(root, "apt.conf"), LC_ALL: "C" };
    const { stdout } = await run("apt-get", parameters, { env, timeout, maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }

  try {
    await apt(["update", "--error-on=any"], updateTimeoutMs);
  } catch (error) {
    await rm(root, { recursive: true, force: true });
    throw error;
  }

  return {
    async install(list, { recommends = false } = {}) {
      const flag = recommends ? "--install-recommends" : "--no-install-recommends";
      try {
        return parseUris(await apt(["--print-uris", "-qq", flag, "install", "--", ...list], 60_000));
      } catch (error) {
        if (error instanceof Error && "stderr" in error && "code" in error && error.code === 100) {
          throw new AptRefusal(String(error.stderr), { cause: error });
        }
        throw error;
      }
    },
    async lists() {
      const files = await readdir(listsFolder);
      return suites.flatMap((suite) => {
        const name = files.find((file) => file.includes(`_dists_${suite}_`) && file.endsWith("_Packages"));
        return name === undefined ? [] : [{ suite, path: join(listsFolder, name) }];
      });
    },
    close: () => rm(root, { recursive: true, force: true }),
  };
}

async function configuration(root: string, architecture: string): Promise<string> {
  const { stdout } = await run("apt-config", ["dump"]);
  // a proxy or a frozen clock is the machine's business, not the question's
  const kept = stdout.split("\n").filter((line) => /^Acquire::(?:\w+::Proxy\b|Check-)/.test(line));
  return [
    `Dir "${root}";`,
    `Dir::State::status "${join(root, "status")}";`,
    `Dir::Bin::methods "/usr/lib/apt/methods";`,
    `APT::Architecture "${architecture}";`,
    `APT::Architectures { "${architecture}"; };`,
    `APT::Sandbox::User "root";`,
    `Acquire::Languages "none";`,
    ...kept,
    "",
  ].join("\n");
}

// each line: the address in quotes, the file's name, its size, a checksum. Printing them asks the same resolver as -s and
// takes a third of the time
function parseUris(output: string): AptPackage[] {
  const packages: AptPackage[] = [];
  for (const line of output.split("\n")) {
    const found = /^'[^']*' ([^\s_]+)_([^\s_]+)_([^\s_]+)\.deb /.exec(line);
    if (found === null) continue;
    const [, name = "", version = "", architecture = ""] = found;
    packages.push({ name, version: decodeURIComponent(version), architecture });
  }
  return packages.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}
