import { mkdir, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { z } from "zod";
import { AppError, readTextFile, systemClock, tryShape, writeFileDurable } from "./lib/index.ts";

export class KnownServerError extends AppError<
  /** An address that is none, or one to which a token would go in plain text. */
  | "BAD_SERVER"
  /** No token is known for a server. */
  | "NOT_LOGGED_IN"
  /** The file of servers cannot be understood. */
  | "BAD_SERVERS_FILE"
> {}

/** A server that this user can ask. */
export interface KnownServer {
  /** Scheme, host and port, without a path: `https://tidemill.example.com:7443`. */
  readonly url: string;
  /** Who asks; what gives it is asked again where it may be over. */
  readonly token: string | (() => Promise<string>);
  /** Certificates of authorities that it is believed by, in PEM, beside those of the system. */
  readonly ca: string | undefined;
}

type Env = Readonly<Record<string, string | undefined>>;

const fileBytes = 4 * 1024 * 1024;
const file = z.strictObject({
  /** The one that commands ask where none is named. */
  current: z.string().max(2048).nullable(),
  servers: z.record(
    z.string().max(2048),
    z.strictObject({ token: z.string().min(1).max(8192), ca: z.string().max(fileBytes).optional() }),
  ),
});
type ServersFile = z.output<typeof file>;

/** Where servers are remembered: below XDG_CONFIG_HOME (XDG Base Directory Specification), else `~/.config`. */
export function serversPath(env: Env): string {
  const home = env["XDG_CONFIG_HOME"];
  const folder = home !== undefined && isAbsolute(home) ? home : join(env["HOME"] ?? homedir(), ".config");
  return join(folder, "tidemill", "servers.json");
}

/** The origin of an address of a server, `https://` where no scheme is named. Throws BAD_SERVER; plain HTTP is for this machine alone. */
export function serverOrigin(written: string): string {
  const text = /^[a-z]+:\/\//i.test(written) ? written : `https://${written}`;
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw badServer(written, "it is no address", "As `https://tidemill.example.com:7443`.");
  }
  if (url.protocol !== "https:" && url.protocol !== "http:")
    throw badServer(written, "servers speak https", "As `https://tidemill.example.com:7443`.");
  if (url.username !== "" || url.password !== "")
    throw badServer(url.host, "it holds a password", "`tidemill login` reads the token from standard input.");
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "")
    throw badServer(written, "it has a path", "Name scheme, host and port alone.");
  if (url.protocol === "http:" && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname))
    throw badServer(written, "the token would go there in plain text", "Use https.");
  return url.origin;
}

/**
 * The server that a command is to ask: the one it names, else that of TIDEMILL_SERVER, else, where `orCurrent`, the one of the last login; undefined where there is none. Its
 * token is TIDEMILL_TOKEN, else what login remembered, else, in a job of GitHub that may ask for one, the job's own, made out for TIDEMILL_AUDIENCE or the server's address. Throws BAD_SERVER, NOT_LOGGED_IN, BAD_SERVERS_FILE.
 */
export async function findServer(
  env: Env,
  named: string | undefined,
  { orCurrent }: { readonly orCurrent: boolean },
): Promise<KnownServer | undefined> {
  const asked = named ?? (env["TIDEMILL_SERVER"] || undefined);
  if (asked === undefined && !orCurrent) return undefined;
  const known = await readServers(env);
  const url = asked === undefined ? (known.current ?? undefined) : serverOrigin(asked);
  if (url === undefined) return undefined;
  const entry = Object.hasOwn(known.servers, url) ? known.servers[url] : undefined;
  const token = env["TIDEMILL_TOKEN"] || entry?.token || tokenOfJob(env, url);
  if (token === undefined)
    throw new KnownServerError("NOT_LOGGED_IN", `no token is known for ${url}`, {
      hint: `\`tidemill login ${url}\`, or give TIDEMILL_TOKEN; a job of GitHub needs \`permissions: id-token: write\`.`,
    });
  const caFile = env["TIDEMILL_CA"] || undefined;
  return { url, token, ca: caFile === undefined ? entry?.ca : await readTextFile(caFile, fileBytes) };
}

/** GitHub's tokens count for minutes: one that is older than half of one is fetched anew. */
const renewedAfterMs = 30_000;

function tokenOfJob(env: Env, url: string): (() => Promise<string>) | undefined {
  if ((env["ACTIONS_ID_TOKEN_REQUEST_URL"] ?? "") === "") return undefined;
  const audience = env["TIDEMILL_AUDIENCE"] || url;
  let last: { readonly at: number; readonly token: Promise<string> } | undefined;
  return () => {
    const now = systemClock.now();
    if (last === undefined || Math.abs(now - last.at) > renewedAfterMs) {
      const token = import("./io/sign/index.ts").then(({ readIdentityToken, usualPatience }) =>
        readIdentityToken({ kind: "github" }, audience, env, usualPatience).then(({ raw }) => raw),
      );
      last = { at: now, token };
      // One that failed is no answer for the next who asks.
      token.catch(() => (last = undefined));
    }
    return last.token;
  };
}

/** Remembers a server, readable by this user alone, and asks it from now on. */
export async function saveServer(
  env: Env,
  { url, token, ca }: KnownServer & { readonly token: string },
): Promise<void> {
  const { servers } = await readServers(env);
  const entry = { token, ...(ca === undefined ? {} : { ca }) };
  await writeServers(env, { current: url, servers: { ...servers, [url]: entry } });
}

/** Forgets a server, by default the one that is asked; gives its address, undefined where none was known. */
export async function forgetServer(env: Env, named: string | undefined): Promise<string | undefined> {
  const { current, servers } = await readServers(env);
  const url = named === undefined ? (current ?? undefined) : serverOrigin(named);
  if (url === undefined || !Object.hasOwn(servers, url)) return undefined;
  const { [url]: _gone, ...rest } = servers;
  if (Object.keys(rest).length === 0) await rm(serversPath(env), { force: true });
  else await writeServers(env, { current: current === url ? null : current, servers: rest });
  return url;
}

async function readServers(env: Env): Promise<ServersFile> {
  const path = serversPath(env);
  let text: string;
  try {
    text = await readTextFile(path, fileBytes);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return { current: null, servers: {} };
    throw badFile(path, error);
  }
  try {
    const parsed = tryShape(file, JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw new Error(parsed.issues[0]?.message);
  } catch (error) {
    throw badFile(path, error);
  }
}

async function writeServers(env: Env, content: ServersFile): Promise<void> {
  const path = serversPath(env);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFileDurable(path, `${JSON.stringify(content, null, 2)}\n`, 0o600);
}

function badServer(written: string, why: string, hint: string): KnownServerError {
  return new KnownServerError("BAD_SERVER", `${written.slice(0, 200)}: ${why}`, { hint });
}

function badFile(path: string, cause: unknown): KnownServerError {
  return new KnownServerError("BAD_SERVERS_FILE", `${path} cannot be understood`, {
    hint: "Remove it and log in again.",
    cause,
  });
}
