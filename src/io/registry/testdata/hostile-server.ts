import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Answering = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/** A server that answers as it is told, and remembers what it was asked. */
export interface HostileServer {
  readonly host: string;
  readonly origin: string;
  /** `METHOD /path` of each request. */
  readonly asked: string[];
  /** Authorization headers that came, by request. */
  readonly authorizations: (string | undefined)[];
  /** Connections that were opened, also those that asked nothing. */
  connections(): number;
  close(): Promise<void>;
}

export async function startHostile(answer: Answering): Promise<HostileServer> {
  const asked: string[] = [];
  const authorizations: (string | undefined)[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    asked.push(`${request.method} ${url.pathname}`);
    authorizations.push(request.headers.authorization);
    response.on("error", () => undefined);
    answer(request, response, url);
  });
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    origin: `http://127.0.0.1:${port}`,
    asked,
    authorizations,
    connections: () => connections,
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
