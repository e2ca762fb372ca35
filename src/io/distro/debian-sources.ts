import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { parseDeb822Sources, parseSourcesList, type AptSource } from "../../core/inventory/index.ts";
import { messageOf } from "../../lib/index.ts";
import { DistroError } from "./error.ts";
import type { SuiteSource } from "./types.ts";

/** Releases whose keys are shipped. */
const debianCodenames = ["bookworm", "trixie"];

export type DebianSuite = "release" | "updates" | "security";

export interface DebianSourcesRequest {
  /** Name of the upstream in the configuration; the suites are `NAME/SUITE`. */
  readonly name: string;
  /** `bookworm`, `trixie`; of another archive any, and then `mirror` and `keyrings` must be there. */
  readonly codename: string;
  readonly suites: readonly DebianSuite[];
  readonly mirror?: string | undefined;
  readonly securityMirror?: string | undefined;
  readonly components: readonly string[];
  readonly architectures: readonly string[];
  /** Paths of keyrings in place of those that are shipped. */
  readonly keyrings?: readonly string[] | undefined;
}

/** Where Debian's archives are reached. */
export interface Mirrors {
  readonly main: string;
  readonly security: string;
}

/** The suites of a Debian release, each as it is to be watched. Throws NO_MIRROR, and BAD_KEYRING where a keyring cannot be read. */
export async function debianSources(
  request: DebianSourcesRequest,
  env: Readonly<Record<string, string | undefined>>,
): Promise<SuiteSource[]> {
  const mirrors = await findMirrors(request, env, "/etc/apt");
  const paths = request.keyrings ?? [shippedKeyring(request.codename)];
  const keys = await Promise.all(paths.map((path) => readKeyring(path, request.name)));
  return request.suites.map((kind) => {
    const suite = kind === "release" ? request.codename : `${request.codename}-${kind}`;
    const { components, architectures } = request;
    const mirror = kind === "security" ? mirrors.security : mirrors.main;
    const name = `${request.name}/${suite}`;
    return { name, mirror, suite, codename: suite, components, architectures, keys, security: kind === "security" };
  });
}

/** Path of the keys that sign a release, as they are shipped. */
export function shippedKeyring(codename: string): string {
  return fileURLToPath(new URL(`./keys/debian-${codename}.gpg`, import.meta.url));
}

async function readKeyring(path: string, name: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DistroError("BAD_KEYRING", `${name}: its keyring cannot be read: ${messageOf(error)}`, {
      hint: "Name a file with the archive's OpenPGP public keys in `keyrings:` of the upstream.",
      cause: error,
    });
  }
}

/** The configured mirrors, else those of the environment, else those of the system's apt. Throws NO_MIRROR. */
export async function findMirrors(
  request: Partial<Pick<DebianSourcesRequest, "codename" | "mirror" | "securityMirror">>,
  env: Readonly<Record<string, string | undefined>>,
  aptFolder: string,
): Promise<Mirrors> {
  const { codename } = request;
  if (codename !== undefined && !debianCodenames.includes(codename) && request.mirror !== undefined) {
    // An archive of one's own has all its suites in one place.
    return { main: request.mirror, security: request.securityMirror ?? request.mirror };
  }
  const main = request.mirror ?? env["TIDEMILL_DEBIAN_MIRROR"];
  const security = request.securityMirror ?? env["TIDEMILL_DEBIAN_SECURITY_MIRROR"];
  if (main !== undefined && main !== "") return { main, security: security ?? siblingArchive(main) };
  const system = mirrorsOf(await readSystemSources(aptFolder));
  if (system === undefined) {
    throw new DistroError("NO_MIRROR", "no Debian mirror is configured, and the system's apt sources name none", {
      hint: "Set `mirror:` of the upstream in tidemill.yaml, or TIDEMILL_DEBIAN_MIRROR=https://MIRROR/debian (and TIDEMILL_DEBIAN_SECURITY_MIRROR where the security archive is not beside it).",
    });
  }
  return { main: system.main, security: security ?? system.security };
}

/** The archives that a list of sources names: any release's will do, they are the same archive. */
function mirrorsOf(entries: readonly AptSource[]): Mirrors | undefined {
  const isDebian = (one: AptSource): boolean => one.components.includes("main") && /^https?:\/\//.test(one.uri);
  const security = entries.find((one) => isDebian(one) && /^[a-z]+-security$/.test(one.suite));
  const release = /^(?:buster|bullseye|bookworm|trixie|forky|stable|oldstable|testing|sid)(?:-updates)?$/;
  const main = entries.find((one) => isDebian(one) && release.test(one.suite) && !/security/.test(one.uri));
  if (main === undefined) return undefined;
  return { main: main.uri, security: security?.uri ?? siblingArchive(main.uri) };
}

/** The security archive stands beside the main one: `…/debian` and `…/debian-security`. */
function siblingArchive(main: string): string {
  return `${main.replace(/\/+$/, "")}-security`;
}

async function readSystemSources(folder: string): Promise<AptSource[]> {
  const parts = await readdir(join(folder, "sources.list.d")).catch(() => []);
  const paths = [
    join(folder, "sources.list"),
    ...parts.sort((a, b) => (a < b ? -1 : 1)).map((name) => join(folder, "sources.list.d", name)),
  ];
  const entries: AptSource[] = [];
  for (const path of paths) {
    if (!/\.(?:list|sources)$/.test(path)) continue;
    const text = await readFile(path, "utf8").catch(() => "");
    const parse = path.endsWith(".sources") ? parseDeb822Sources : parseSourcesList;
    entries.push(...parse(text.slice(0, 1_048_576), path));
  }
  return entries;
}
