import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/**
 * Whether `address`, of a container, lies in a network of which this machine has an interface. Where it has none (an engine of another
 * machine, a rootless one, a Podman whose internal networks have no gateway) a question would go to whoever else has that address.
 */
export function isReachedHere(address: string, interfaces: typeof networkInterfaces = networkInterfaces): boolean {
  const kind = isIP(address);
  if (kind === 0) return false;
  const family = kind === 4 ? "ipv4" : "ipv6";
  const near = new BlockList();
  for (const { cidr } of Object.values(interfaces()).flatMap((all) => all ?? [])) {
    const [network = "", length = ""] = cidr?.split("/") ?? [];
    if (isIP(network) === kind) near.addSubnet(network, Number(length), family);
  }
  return near.check(address, family);
}
