import type { IncomingMessage } from "node:http";
import { BlockList, isIP } from "node:net";

/** Who stands at the other end of a request. */
export interface Client {
  /** The address of the caller itself where proxies that are believed name it; else of whoever connected. */
  readonly address: string;
  /** Whether it is on this machine, with nothing between. */
  readonly isLocal: boolean;
  /** Whether others could have read what it sent on its way. */
  readonly isPlain: boolean;
}

export type FindClient = (request: Pick<IncomingMessage, "headers" | "socket">) => Client;

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/** How many hops of X-Forwarded-For are read. */
const maxHops = 32;

/**
 * Finds out who asks. Only what the proxies of `trusted` (addresses, networks in CIDR notation) say in X-Forwarded-For and X-Forwarded-Proto is believed, from the last hop
 * backwards to the first that is not one of them. What came by any proxy is never local: a proxy on this machine brings the whole world. No proxy comes by the listener
 * that is this machine's own.
 */
export function createFindClient(
  trusted: readonly string[],
  isLocalListener: (socket: IncomingMessage["socket"]) => boolean = () => false,
): FindClient {
  const proxies = new BlockList();
  for (const written of trusted) {
    const [address = "", prefix] = written.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (prefix === undefined) proxies.addAddress(address, family);
    else proxies.addSubnet(address, Number(prefix), family);
  }
  return ({ headers, socket }) => {
    const peer = plainAddress(socket.remoteAddress ?? "");
    const isEncrypted = "encrypted" in socket && socket.encrypted === true;
    const isHere = isIn(loopback, peer);
    const forwarded = headers["x-forwarded-for"];
    const isForwarded =
      forwarded !== undefined || headers.forwarded !== undefined || headers["x-real-ip"] !== undefined;
    if (isLocalListener(socket) || !isIn(proxies, peer))
      return { address: peer, isLocal: isHere && !isForwarded, isPlain: !isEncrypted && !isHere };
    const hops = [forwarded ?? []]
      .flat()
      .join(",")
      .split(",")
      .slice(-maxHops)
      .map((hop) => hopAddress(hop.trim()));
    const first = hops.findLast((hop) => !isIn(proxies, hop));
    const isPlain = !isEncrypted && lastOf(headers["x-forwarded-proto"]) === "http";
    return { address: first === undefined || first === "" ? peer : first, isLocal: false, isPlain };
  };
}

/** Whether the other end of a connection is this machine. */
export function isLoopbackAddress(address: string): boolean {
  return isIn(loopback, plainAddress(address));
}

function isIn(list: BlockList, address: string): boolean {
  const version = isIP(address);
  return version !== 0 && list.check(address, version === 6 ? "ipv6" : "ipv4");
}

/** An IPv4 address that a socket of both families gives as IPv6 (RFC 4291, 2.5.5.2), as IPv4. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, "");
}

/** `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`; empty where a hop names no address. */
function hopAddress(hop: string): string {
  const bare = /^\[([^\]]+)\](?::\d+)?$/.exec(hop)?.[1] ?? /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(hop)?.[1] ?? hop;
  const address = plainAddress(bare);
  return isIP(address) === 0 ? "" : address;
}

function lastOf(header: string | string[] | undefined): string | undefined {
  return [header ?? []].flat().join(",").split(",").at(-1)?.trim().toLowerCase();
}
