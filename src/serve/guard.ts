import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import { isLoopbackAddress } from "./access/index.ts";
import { ServeError } from "./error.ts";

export interface GuardOptions {
  /** Names, beside loopback's, under which this server may be asked: what a Host header may say. */
  readonly hosts?: readonly string[];
}

/**
 * Refuses what a page of another site can make a browser send. A Host that is not ours is a name that was made to point here (DNS
 * rebinding); an Origin or Sec-Fetch-Site that is not ours is another site (Fetch Standard; W3C Fetch Metadata). Throws FORBIDDEN.
 */
export function refuseForeign(request: Pick<IncomingMessage, "headers" | "url">, options: GuardOptions): void {
  const { host, origin } = request.headers;
  const name = hostName(host);
  if (name === undefined || !(isLoopbackName(name) || options.hosts?.includes(name) === true)) {
    throw new ServeError("FORBIDDEN", "the Host header names another machine", {
      hint: "Ask by 127.0.0.1 or localhost, or list the name in the server's `hosts`.",
    });
  }
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
    throw new ServeError("FORBIDDEN", "the request comes from another site's page");
  }
  // A link from elsewhere may lead to a page that is read by a person, and to nothing that acts or answers data.
  const site = request.headers["sec-fetch-site"];
  const visiting = request.headers["sec-fetch-mode"] === "navigate" && !/^\/api(?:\/|$)/.test(request.url ?? "");
  if ((site === "cross-site" || site === "same-site") && !visiting) {
    throw new ServeError("FORBIDDEN", "the request comes from another site's page");
  }
}

function isLoopbackName(name: string): boolean {
  return name === "localhost" || (isIP(name) !== 0 && isLoopbackAddress(name));
}

/** The name in a Host header, without port and brackets; undefined where it is none. RFC 9110, 7.2. */
function hostName(host: string | undefined): string | undefined {
  if (host === undefined || !/^[A-Za-z0-9.:[\]_-]{1,255}$/.test(host)) return undefined;
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  } catch {
    return undefined;
  }
}
