import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sha256 } from "../../../lib/index.ts";

/** A server of files in memory that answers conditional requests, on loopback. */
export interface FeedServer {
  readonly url: string;
  /** By path, with the slash before it. */
  readonly files: Map<string, Buffer | string>;
  /** Paths that were asked for and answered with content, in order. */
  readonly sent: string[];
  /** Answers in place of the files where it says that it did. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  close(): Promise<void>;
}

export async function openFeedServer(): Promise<FeedServer> {
  const files = new Map<string, Buffer | string>();
  const sent: string[] = [];
  const server = createServer((request, response) => {
    if (opened.intercept(request, response)) return;
    const path = decodeURIComponent(request.url ?? "");
    const content = files.get(path);
    if (content === undefined) return void response.writeHead(404).end();
    const etag = `"${sha256(content).slice(7, 27)}"`;
    if (request.headers["if-none-match"] === etag) return void response.writeHead(304, { etag }).end();
    sent.push(path);
    response.writeHead(200, { etag, "content-length": Buffer.byteLength(content) }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const opened: FeedServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    files,
    sent,
    intercept: () => false,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return opened;
}
