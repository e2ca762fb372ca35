import { dirname } from "node:path";
import { GitError } from "./error.ts";
import type { Location } from "./check-source.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** How git is called for one repository. */
export interface GitCall {
  readonly env: Readonly<Record<string, string>>;
  /** Before the command. */
  readonly options: readonly string[];
  /** What must not be seen in a message. */
  readonly secrets: readonly string[];
}

/** What git gets of our own environment: the rest may hold what a repository's server is not to see, or steer git. */
const passedOn = [
  ["PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR", "SSH_AUTH_SOCK"],
  ["http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"],
  ["SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "CURL_CA_BUNDLE"],
].flat();

const settings = [
  // The user's settings know hooks, watchers and conversions; a checkout here runs none and is the same everywhere.
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.attributesFile=/dev/null",
  "core.autocrlf=false",
  "core.eol=lf",
  "core.symlinks=true",
  "core.sparseCheckout=false",
  "log.showSignature=false",
  // What is larger is streamed, not held in memory.
  "core.bigFileThreshold=32m",
  "gc.auto=0",
  "maintenance.auto=false",
  "fetch.fsckObjects=true",
  "fetch.recurseSubmodules=false",
  // One pack, so that its growth is seen in one file and nothing of it is unpacked before it was checked.
  "fetch.unpackLimit=1",
  "protocol.version=2",
  // Of the first request only, as where a server wants `.git` after a name; credentials are bound to the origin of the address.
  "http.followRedirects=initial",
  "http.lowSpeedLimit=1",
  "http.lowSpeedTime=60",
];

/** Hands over what stands in git's environment: not in its arguments, which every user of the machine can read. */
const helper = `!f() { test "$1" != get || printf 'username=%s\\npassword=%s\\n' "$TIDEMILL_GIT_USER" "$TIDEMILL_GIT_TOKEN"; }; f`;

/**
 * Environment and options of git for one repository. Credentials are those of the address, else TIDEMILL_GIT_USER and TIDEMILL_GIT_TOKEN, and go to the
 * origin of the address only; without them the user's own credential helper is asked, and ssh takes its agent and configuration. Nothing ever prompts.
 */
export function gitCall(env: Environment, location: Location | undefined, folder: string): GitCall {
  const own: Record<string, string> = {};
  for (const name of passedOn) if (env[name] !== undefined) own[name] = env[name];
  Object.assign(own, {
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    // Stronger than protocol.allow=never and its exceptions: the user's settings cannot widen it.
    GIT_ALLOW_PROTOCOL: "https:ssh:file",
    GIT_CEILING_DIRECTORIES: dirname(folder),
    GIT_SSH_COMMAND: `${env["GIT_SSH_COMMAND"] ?? "ssh"} -o BatchMode=yes -o ConnectTimeout=30`,
  });
  const options = settings.flatMap((setting) => ["-c", setting]);
  if (location?.origin === undefined) return { env: own, options, secrets: [] };
  // An address with a name alone has a token in its place.
  const token = location.password ?? (env["TIDEMILL_GIT_TOKEN"] || (location.user === undefined ? undefined : ""));
  if (token === undefined) return { env: own, options, secrets: [] };
  const user = location.user ?? (env["TIDEMILL_GIT_USER"] || "x-access-token");
  // git's helpers speak in lines.
  if (/[\0\r\n]/.test(`${user}${token}`))
    throw new GitError("BAD_SOURCE", `the credentials for ${location.origin} have line breaks`, {
      hint: "Look at TIDEMILL_GIT_USER and TIDEMILL_GIT_TOKEN.",
    });
  const key = `credential.${location.origin}.helper`;
  return {
    env: { ...own, TIDEMILL_GIT_USER: user, TIDEMILL_GIT_TOKEN: token },
    options: [...options, "-c", `${key}=`, "-c", `${key}=${helper}`],
    secrets: [token === "" ? user : token].flatMap((secret) => [secret, encodeURIComponent(secret)]),
  };
}
