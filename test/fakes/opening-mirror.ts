import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { findDebianMirror } from "../apt/debian-mirror.ts";

/** The system's own mirror of Debian on loopback, with a security archive that nobody sees before it is opened. */
export interface OpeningMirror {
  readonly archive: string;
  readonly security: string;
  /** As on the morning of an advisory. */
  open(): void;
  close(): Promise<void>;
}

/** Starts it; throws where the system has no mirror. */
export async function startOpeningMirror(): Promise<OpeningMirror> {
  const mirror = findDebianMirror();
  if (mirror === undefined) throw new Error("no Debian mirror");
  let isOpen = false;
  const targetOf = (path: string): string | undefined => {
    const [, place, ...rest] = path.split("/");
    const root = place === "debian" ? mirror.archive : place === "debian-security" ? mirror.security : undefined;
    if (root === undefined || (place === "debian-security" && rest[0] === "dists" && !isOpen)) return undefined;
    return `${root.replace(/\/+$/, "")}/${rest.join("/")}`;
  };
  const server = createServer((request, response) => {
    const answer = async (): Promise<void> => {
      const target = targetOf(request.url ?? "/");
      if (target === undefined) return void response.writeHead(404).end();
      const headers: Record<string, string> = {};
      for (const name of ["if-modified-since", "range", "if-range"])
        if (typeof request.headers[name] === "string") headers[name] = request.headers[name];
      const found = await fetch(target, { method: request.method ?? "GET", headers });
      const kept = ["content-length", "content-range", "last-modified", "content-type"].flatMap((name) => {
        const value = found.headers.get(name);
        // What fetch has unpacked is longer than what its sender said.
        return value === null || (name === "content-length" && found.headers.has("content-encoding"))
          ? []
          : [[name, value]];
      });
      response.writeHead(found.status, Object.fromEntries(kept) as Record<string, string>);
      if (found.body === null) return void response.end();
      await pipeline(Readable.fromWeb(found.body), response);
    };
    answer().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    archive: `${root}/debian`,
    security: `${root}/debian-security`,
    open: () => void (isOpen = true),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
