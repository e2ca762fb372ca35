import { createReadStream, type Stats } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join, sep } from "node:path";
import { pipeline } from "node:stream/promises";

/** An archive that is served from a folder. */
export interface ArchiveServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Serves the files below `dir` on loopback, on a free port: GET and HEAD, If-None-Match and If-Modified-Since (RFC 9110, section 13), ranges from a place to the
 * end. What leads out of `dir`, by `..` or by a link, is not there.
 */
export async function createArchiveServer(dir: string): Promise<ArchiveServer> {
  const root = await realpath(dir);
  const server = createServer((request, response) => {
    answer(root, request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(root: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers } = request;
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD", "content-length": 0 });
    response.end();
    return;
  }
  const found = await findFile(root, request.url ?? "/");
  if (found === undefined) return end(response, 404);
  const { path, stats } = found;
  const etag = `"${stats.size.toString(16)}-${Math.round(stats.mtimeMs).toString(16)}"`;
  response.setHeader("etag", etag);
  response.setHeader("last-modified", stats.mtime.toUTCString());
  if (isKnown(headers, etag, stats.mtimeMs)) return end(response, 304);
  const start = Number(/^bytes=(\d{1,15})-$/.exec(headers.range ?? "")?.[1] ?? 0);
  if (start > 0 && start >= stats.size) return end(response, 416);
  if (start > 0) response.setHeader("content-range", `bytes ${start}-${stats.size - 1}/${stats.size}`);
  response.writeHead(start > 0 ? 206 : 200, {
    "accept-ranges": "bytes",
    "content-length": stats.size - start,
    "content-type": "application/octet-stream",
  });
  if (method === "HEAD") response.end();
  else await pipeline(createReadStream(path, { start }), response);
}

async function findFile(root: string, target: string): Promise<{ path: string; stats: Stats } | undefined> {
  try {
    const asked = decodeURIComponent(target.replace(/[?#].*$/, ""));
    const path = await realpath(join(root, asked));
    const stats = await stat(path);
    return path.startsWith(root + sep) && stats.isFile() ? { path, stats } : undefined;
  } catch {
    return undefined;
  }
}

function isKnown(headers: IncomingMessage["headers"], etag: string, modified: number): boolean {
  const match = headers["if-none-match"];
  if (match !== undefined) return match.split(",").some((one) => one.trim() === etag || one.trim() === "*");
  const since = Date.parse(headers["if-modified-since"] ?? "");
  // A header has whole seconds.
  return Math.floor(modified / 1000) * 1000 <= since;
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status, status === 304 ? {} : { "content-length": 0 });
  response.end();
}
