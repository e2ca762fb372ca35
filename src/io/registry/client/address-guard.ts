import { lookup as systemLookup, type LookupAddress, type LookupAllOptions } from "node:dns";
import { BlockList, isIP, isIPv6, type LookupFunction } from "node:net";
import { buildConnector } from "undici";
import { RegistryError } from "../error.ts";

/** How names become addresses; passed in by tests. */
export type Lookup = (
  name: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/** IANA's special-purpose registries (RFC 6890): nothing that the public internet would reach. */
const special = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const) {
  special.addSubnet(net, bits, "ipv4");
}
for (const [net, bits] of [
  // Also IPv4 in IPv6 in all its forms, which would lead back to the list above.
  ["::", 96],
  ["::ffff:0:0", 96],
  ["64:ff9b::", 96],
  ["64:ff9b:1::", 48],
  ["100::", 64],
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["fc00::", 7],
  ["fe80::", 10],
  ["fec0::", 10],
  ["ff00::", 8],
] as const) {
  special.addSubnet(net, bits, "ipv6");
}

/** Whether a connection to an address may be made. */
export type AddressRule = (address: string) => boolean;

/** Whether an address is one of the public internet, or in one of `networks` (addresses, and networks in CIDR notation). */
export function isReachable(networks: readonly string[]): AddressRule {
  const named = new BlockList();
  for (const written of networks) {
    const [address = "", prefix] = written.split("/");
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (prefix === undefined) named.addAddress(address, family);
    else named.addSubnet(address, Number(prefix), family);
  }
  return (address) => isPublicAddress(address) || named.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

/** Whether `address` is one of the public internet; names are not. */
function isPublicAddress(address: string): boolean {
  const bare = address.replace(/%.*$/, "");
  if (isIP(bare) === 0) return false;
  return !special.check(bare, isIPv6(bare) ? "ipv6" : "ipv4");
}

/** Whether `hostname` is this machine by name or address, without asking DNS. */
export function isLoopbackName(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, "");
  return bare === "localhost" || bare === "::1" || (isIP(bare) === 4 && bare.startsWith("127."));
}

/**
 * A connector that refuses to connect to anything but public addresses, or what `isAllowed` says. It looks at the address that is being connected
 * to, so a name that resolves differently the second time gains nothing.
 */
export function guardedConnector(
  options: buildConnector.BuildOptions,
  lookup: Lookup = systemLookup,
  isAllowed: AddressRule = isPublicAddress,
): buildConnector.connector {
  const connect = buildConnector({ ...options, lookup: guardLookup(lookup, isAllowed) });
  return (target, callback) => {
    const literal = target.hostname.replace(/^\[|\]$/g, "");
    if (isIP(literal) !== 0 && !isAllowed(literal)) callback(refuse(target.hostname), null);
    else connect(target, callback);
  };
}

/** A connector without that rule, for the registry itself. */
export function plainConnector(
  options: buildConnector.BuildOptions,
  lookup: Lookup | undefined,
): buildConnector.connector {
  return buildConnector({ ...options, ...(lookup === undefined ? {} : { lookup }) } as buildConnector.BuildOptions);
}

function guardLookup(lookup: Lookup, isAllowed: AddressRule): LookupFunction {
  return (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, "", 0);
      if (!addresses.every(({ address }) => isAllowed(address))) return callback(refuse(name), "", 0);
      const first = addresses[0];
      if (options.all === true) callback(null, addresses);
      else callback(null, first?.address ?? "", first?.family ?? 0);
    });
  };
}

/** What the address is, is not said: who asks need not be who may know what names mean here. */
function refuse(name: string): RegistryError {
  return new RegistryError("REFUSED_ADDRESS", `${name} is not at a public address`, {
    hint: "If it belongs to a registry of yours, name that in the configuration, or its network in `server.reach`.",
  });
}
