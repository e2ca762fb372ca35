import type { NetworkInterfaceInfo } from "node:os";
import { expect, it } from "vitest";
import { isReachedHere } from "./is-reached-here.ts";

const machine =
  (...cidrs: string[]) =>
  (): Record<string, NetworkInterfaceInfo[]> => ({
    bridge: cidrs.map((cidr) => ({ cidr }) as NetworkInterfaceInfo),
  });

it("is so for addresses of networks that this machine is in, and no others", () => {
  const here = machine("127.0.0.1/8", "172.18.0.1/16", "fd00::1/64");
  for (const address of ["172.18.0.2", "172.18.255.254", "127.0.0.5", "fd00::2"])
    expect(isReachedHere(address, here)).toBe(true);
  for (const address of ["172.19.0.2", "10.89.0.2", "fd00:0:0:1::2", "", "front", "172.18.0.2:80"])
    expect(isReachedHere(address, here)).toBe(false);
  expect(isReachedHere("10.89.0.2", machine())).toBe(false);
});
