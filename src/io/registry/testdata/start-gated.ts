import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistryServer } from "../index.ts";
import { startHostile, type HostileServer } from "./hostile-server.ts";
import { makeFolder } from "./make-image.ts";

export interface Account {
  readonly username: string;
  readonly password: string;
  /** Repositories that the account may write; it may read all. */
  readonly writes: readonly string[];
}

/** An embedded registry behind a gate that wants credentials. */
export interface Gated {
  readonly host: string;
  /** The token service's requests; none with basic credentials. */
  readonly tokens: HostileServer;
  /** Scopes that were asked of the token service, one entry a request. */
  readonly scopes: string[][];
  /** Makes all tokens worthless. */
  revoke(): void;
  close(): Promise<void>;
}

/** A registry that wants a bearer token for each scope, and the token service, on another port, that gives it. Distribution's token specification. */
export async function startBearer(account: Account, refreshToken = "refresh"): Promise<Gated> {
  const scopes: string[][] = [];
  const granted = new Map<string, readonly string[]>();
  let count = 0;
  const tokens = await startHostile((request, response, url) => {
    void readForm(request, url).then((form) => {
      const known = form.get("refresh_token") === refreshToken || isBasic(request, account);
      if (!known || form.get("service") !== "registry") return response.writeHead(401).end();
      const asked = form.getAll("scope").flatMap((each) => each.split(" "));
      scopes.push(asked);
      const token = `t${++count}`;
      granted.set(
        token,
        asked.flatMap((scope) => grant(account, scope)),
      );
      return response.end(JSON.stringify({ token, expires_in: 300 }));
    });
  });
  const gate = await startGate((request) => {
    const needed = neededScopes(request);
    const has = granted.get(/^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "");
    if (has !== undefined && needed.every((each) => has.includes(each))) return undefined;
    return `Bearer realm="${tokens.origin}/token",service="registry",scope="${needed.join(" ")}"`;
  });
  return { ...gate, tokens, scopes, revoke: () => granted.clear(), close: () => tokens.close().then(gate.close) };
}

/** A registry that wants a name and a password. */
export async function startBasic(account: Account): Promise<Pick<Gated, "host" | "close">> {
  return startGate((request) => (isBasic(request, account) ? undefined : 'Basic realm="registry"'));
}

async function startGate(
  challenge: (request: IncomingMessage) => string | undefined,
): Promise<Pick<Gated, "host" | "close">> {
  const folder = await makeFolder();
  const registry = await createRegistryServer({ dir: folder.path("registry") });
  const server = createServer((request, response) => {
    const wanted = challenge(request);
    if (wanted === undefined) return registry.handler(request, response);
    request.resume();
    return response.writeHead(401, { "www-authenticate": wanted }).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await closeServer(server);
      await registry.close();
      await folder.remove();
    },
  };
}

/** One entry for each action: `repository:app:push`. */
function neededScopes(request: IncomingMessage): readonly string[] {
  const url = new URL(request.url ?? "/", "http://x");
  const name = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(url.pathname)?.[1];
  if (name === undefined) return [];
  const from = url.searchParams.get("from");
  const actions = { GET: ["pull"], HEAD: ["pull"], DELETE: ["delete"] }[request.method ?? ""] ?? ["pull", "push"];
  return [
    ...actions.map((action) => `repository:${name}:${action}`),
    ...(from === null ? [] : [`repository:${from}:pull`]),
  ];
}

function grant(account: Account, scope: string): readonly string[] {
  const [, name = "", actions = ""] = /^repository:(.+):([a-z,]+)$/.exec(scope) ?? [];
  const allowed = actions.split(",").filter((action) => action === "pull" || account.writes.includes(name));
  return allowed.map((action) => `repository:${name}:${action}`);
}

function isBasic(request: IncomingMessage, { username, password }: Account): boolean {
  return request.headers.authorization === `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
}

async function readForm(request: IncomingMessage, url: URL): Promise<URLSearchParams> {
  if (request.method === "GET") return url.searchParams;
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return new URLSearchParams(text);
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
