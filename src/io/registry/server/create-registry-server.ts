import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { isIP, type AddressInfo } from "node:net";
import { isRepositoryName, manifestLimit } from "../../../core/image/index.ts";
import { messageOf, silentLogger, systemClock, type Clock, type Logger } from "../../../lib/index.ts";
import { serveBlob } from "./blob-routes.ts";
import { collectGarbage, type Collected, type GarbageOptions } from "./collect-garbage.ts";
import { listReferrers, listTags } from "./list-routes.ts";
import { serveManifest } from "./manifest-routes.ts";
import { isDiskFull, openRegistryStore } from "./registry-store.ts";
import { Refusal } from "./refusal.ts";
import { answerJson, answerRefusal, type Exchange, type ServerLimits } from "./reply.ts";
import { continueUpload, startUpload } from "./upload-routes.ts";
import { createUploadSessions } from "./upload-sessions.ts";

export interface RegistryServerOptions {
  /** The registry's folder; made when it is not there. One process at a time may have it. */
  readonly dir: string;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly limits?: Partial<ServerLimits>;
  /** Names by which clients may call this registry, besides `localhost` and addresses. */
  readonly hosts?: readonly string[];
}

/** A registry of OCI distribution-spec 1.1 that keeps its content in a folder. */
export interface RegistryServer {
  /** For a server of one's own; serves paths below `/v2/`. */
  readonly handler: RequestListener;
  /** What had to be given up when the folder was opened, one sentence each. */
  readonly problems: readonly string[];
  /** Listens, on loopback when no host is said; port 0 takes a free one. */
  listen(port: number, host?: string): Promise<{ readonly url: string; readonly host: string; readonly port: number }>;
  /** Names of the repositories, in order. */
  repositories(): readonly string[];
  /** See {@link collectGarbage}; uploads that nobody touched for a day go too. */
  collectGarbage(options: GarbageOptions): Promise<Collected>;
  /** Lets running requests end for up to two seconds, then makes all durable and closes. */
  close(): Promise<void>;
}

const day = 24 * 60 * 60 * 1000;
const routes =
  /^\/v2\/(?<name>.{1,255}?)\/(?:blobs\/uploads\/(?<upload>[^/]*)|blobs\/(?<blob>[^/]+)|manifests\/(?<manifest>[^/]+)|referrers\/(?<subject>[^/]+)|(?<tags>tags\/list))$/;

/** Opens the folder and makes a registry of it. Throws what the file system throws. */
export async function createRegistryServer(options: RegistryServerOptions): Promise<RegistryServer> {
  const { clock = systemClock, log = silentLogger(), hosts = [] } = options;
  const limits: ServerLimits = {
    blobBytes: 32 * 2 ** 30,
    manifestBytes: manifestLimit,
    uploads: 1000,
    ...options.limits,
  };
  const store = await openRegistryStore(options.dir, clock);
  const uploads = createUploadSessions(() => store.content.newUpload(), clock, limits.uploads);
  const servers = new Set<Server>();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      checkCaller(request, hosts);
      const exchange = readExchange(request, response);
      await exchange.route({ ...exchange, store, uploads, limits, request, response });
    } catch (error) {
      if (error instanceof Refusal) return answerRefusal(request, response, error);
      log.error({ error: messageOf(error), method: request.method, url: request.url }, "registry request failed");
      const refusal = isDiskFull(error)
        ? new Refusal(507, "UNKNOWN", "the registry's disk is full")
        : new Refusal(500, "UNKNOWN", "the registry failed; its log says why");
      answerRefusal(request, response, refusal);
    }
  }
  const handler: RequestListener = (request, response) => void answer(request, response);

  return {
    handler,
    problems: store.problems,
    listen: async (port, host = "127.0.0.1") => {
      // Uploads may take long; what must come soon is the head of a request.
      const server = createServer({ requestTimeout: 0, headersTimeout: 30_000, keepAliveTimeout: 75_000 }, handler);
      server.timeout = 120_000;
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => resolve());
      });
      servers.add(server);
      const address = server.address() as AddressInfo;
      const name = isIP(host) === 6 ? `[${host}]` : host;
      return { url: `http://${name}:${address.port}`, host: `${name}:${address.port}`, port: address.port };
    },
    repositories: () => [...store.state().repositories.keys()].sort(),
    collectGarbage: async (garbage) => {
      await uploads.expire(day);
      return collectGarbage(store, garbage);
    },
    close: async () => {
      await Promise.all(Array.from(servers, closeServer));
      servers.clear();
      await store.close();
    },
  };
}

type Route = (exchange: Exchange) => Promise<void> | void;
type Parsed = Pick<Exchange, "method" | "repository" | "target" | "query"> & { readonly route: Route };

function readExchange(request: IncomingMessage, response: ServerResponse): Parsed {
  const { method = "GET", url = "/" } = request;
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1));
  response.setHeader("Docker-Distribution-API-Version", "registry/2.0");
  // Tells our own client that If-Match is more than a wish here.
  response.setHeader("Tidemill-Conditional-Tags", "1");
  if (path === "/v2/" || path === "/v2") {
    return { method, repository: "", target: "", query, route: allow(answerPing, "GET", "HEAD") };
  }
  const found = routes.exec(path)?.groups;
  if (found === undefined) throw new Refusal(404, "UNSUPPORTED", "no such path");
  const { name = "", upload, blob, manifest, subject } = found;
  if (!isRepositoryName(name)) throw new Refusal(404, "NAME_INVALID", "not a repository's name");
  const parsed = { method, repository: name, query };
  if (upload === "") return { ...parsed, target: "", route: allow(startUpload, "POST") };
  if (upload !== undefined) return { ...parsed, target: upload, route: continueUpload };
  if (blob !== undefined) return { ...parsed, target: decode(blob), route: allow(serveBlob, "GET", "HEAD", "DELETE") };
  if (manifest !== undefined) return { ...parsed, target: decode(manifest), route: serveManifest };
  if (subject !== undefined) return { ...parsed, target: decode(subject), route: allow(listReferrers, "GET", "HEAD") };
  return { ...parsed, target: "", route: allow(listTags, "GET", "HEAD") };
}

function allow(route: Route, ...methods: readonly string[]): Route {
  return (exchange) => {
    if (methods.includes(exchange.method)) return route(exchange);
    throw new Refusal(405, "UNSUPPORTED", "not for this path", { Allow: methods.join(", ") });
  };
}

function answerPing(exchange: Exchange): void {
  answerJson(exchange, 200, {});
}

/**
 * A web page that a person visits must not write into a registry on that person's machine: browsers send Origin with
 * every cross-site write, and a name of an attacker's that resolves to loopback shows in Host.
 */
function checkCaller(request: IncomingMessage, hosts: readonly string[]): void {
  const { host = "", origin } = request.headers;
  const name = host.replace(/:\d+$/, "");
  const known =
    name === "localhost" || isIP(name.replace(/^\[|\]$/g, "")) !== 0 || hosts.includes(name) || hosts.includes(host);
  if (!known) throw new Refusal(421, "DENIED", "this registry is not called by that name");
  if (origin !== undefined && request.method !== "GET" && request.method !== "HEAD") {
    throw new Refusal(403, "DENIED", "web pages may not write here");
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), 2000);
  await closed;
  clearTimeout(timer);
}
