import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistryServer } from "../../src/io/registry/index.ts";

/** A registry on loopback that can be made to refuse. */
export interface FaultyRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** `METHOD /path` of every request that was refused, in order. */
  readonly refused: string[];
  /** Requests whose `METHOD /path` matches are answered with `status` from now on. */
  fail(requests: RegExp, status: number): void;
  heal(): void;
  close(): Promise<void>;
}

/** Starts one that keeps its content in `dir`. */
export async function createFaultyRegistry(dir: string): Promise<FaultyRegistry> {
  const registry = await createRegistryServer({ dir });
  let faults: { readonly requests: RegExp; readonly status: number }[] = [];
  const refused: string[] = [];
  const server = createServer((request, response) => {
    const line = `${request.method} ${request.url}`;
    const fault = faults.findLast(({ requests }) => requests.test(line));
    if (fault === undefined) return registry.handler(request, response);
    refused.push(line);
    const code = { 401: "UNAUTHORIZED", 403: "DENIED" }[fault.status] ?? "UNKNOWN";
    request.resume();
    response.writeHead(fault.status, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code, message: "made to refuse" }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    refused,
    fail: (requests, status) => void faults.push({ requests, status }),
    heal: () => void (faults = []),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry.close();
    },
  };
}
