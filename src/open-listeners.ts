import { stat } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { resolve } from "node:path";
import { Server as TlsServer } from "node:tls";
import { isForOthers, isLoopbackListen, parseListen, type ServerConfig } from "./core/config/index.ts";
import { messageOf } from "./lib/index.ts";
import { createServer, readTls, ServeError, type Tls, type TlsFiles } from "./serve/index.ts";

type Handler = Parameters<typeof createServer>[0];

export interface ListenerOptions extends Pick<ServerConfig, "listen" | "local" | "tls" | "trustedProxies"> {
  /** What paths are relative to. */
  readonly home: string;
  /** Told of each connection by the listener that is this machine's own. */
  readonly onLocal: (socket: Socket) => void;
}

/** Where a server listens. */
export interface Listeners {
  /** For people: `https://0.0.0.0:7443`. */
  readonly url: string;
  /** Host and port for this machine: plain HTTP on loopback. */
  readonly local: string;
  /** Reads certificate and key again where their files have changed, and uses them from then on; whether it did. Throws BAD_CERTIFICATE. */
  renew(): Promise<boolean>;
  /** Stops listening, and ends what is under way. */
  close(): void;
}

/**
 * Listens where the configuration says. What others can reach speaks TLS, or plain HTTP with the proxies that are named alone; beside it there is a listener on loopback for
 * commands and engines of this machine. Throws OPEN_ADDRESS, BAD_CERTIFICATE, and what listening throws.
 */
export async function openListeners(handler: Handler, options: ListenerOptions): Promise<Listeners> {
  const { listen, local, trustedProxies } = options;
  const isLocal = isLoopbackListen(listen);
  const files = options.tls && {
    cert: resolve(options.home, options.tls.cert),
    key: resolve(options.home, options.tls.key),
  };
  if (!isLocal && files === undefined && trustedProxies.length === 0)
    throw new ServeError("OPEN_ADDRESS", `others could reach ${listen}, and read the tokens and images that go there`, {
      hint: "Give the configuration `server.tls` (cert, key), or name the proxies that end TLS in `server.trustedProxies`; on this machine alone: `--listen 127.0.0.1:7077`.",
    });
  const servers: Server[] = [];
  const open = async (address: string, tls?: Tls): Promise<string> => {
    const server = createServer(handler, tls);
    servers.push(server);
    return listenAt(server, address);
  };
  const openLocal = async (address: string): Promise<string> => {
    const server = createServer(handler);
    servers.push(server);
    server.on("connection", options.onLocal);
    return listenAt(server, address);
  };
  const close = (): void => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
  let stamp = files === undefined ? "" : await stampOf(files);
  try {
    const bound = await open(listen, files === undefined ? undefined : await readTls(files));
    return {
      url: `${files === undefined ? "http" : "https"}://${bound}`,
      // Commands and engines of this machine know no certificate, and a proxy of this machine is not to be taken for them.
      local: isForOthers({ ...options, tls: files }) ? await openLocal(local) : bound,
      renew: async () => {
        if (files === undefined) return false;
        const now = await stampOf(files);
        if (now === stamp) return false;
        const tls = await readTls(files);
        stamp = now;
        const [main] = servers;
        if (main instanceof TlsServer) main.setSecureContext({ cert: tls.cert, key: tls.key, minVersion: "TLSv1.2" });
        return true;
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Listens; gives host and port as they are bound. Throws CANNOT_LISTEN. */
async function listenAt(server: Server, listen: string): Promise<string> {
  const place = parseListen(listen);
  if (place === undefined)
    throw new ServeError("CANNOT_LISTEN", `${listen} is no address and port`, { hint: "As `127.0.0.1:7077`." });
  await new Promise<void>((resolved, reject) => {
    server.once("error", (error) =>
      reject(
        new ServeError("CANNOT_LISTEN", `nothing can listen at ${listen}: ${messageOf(error)}`, {
          hint: "Another process may have the port: choose another one by `server.listen` or `--listen`.",
          cause: error,
        }),
      ),
    );
    server.listen(place.port, place.host, resolved);
  });
  const bound = server.address() as AddressInfo;
  return `${bound.family === "IPv6" ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

/** What tells whether files have changed. */
async function stampOf({ cert, key }: TlsFiles): Promise<string> {
  const stamps = await Promise.all(
    [cert, key].map((path) =>
      stat(path).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`,
        () => "gone",
      ),
    ),
  );
  return stamps.join(" ");
}
