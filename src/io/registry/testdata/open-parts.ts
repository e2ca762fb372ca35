import { createRegistryClient, type RegistryClient, type RegistryClientOptions } from "../index.ts";
import { startHostile, type Answering, type HostileServer } from "./hostile-server.ts";

/** Servers and clients of one test, closed together. */
export interface Parts {
  readonly hostile: (answer: Answering) => Promise<HostileServer>;
  /** A client that neither repeats nor waits long unless told. */
  readonly connect: (options?: RegistryClientOptions) => RegistryClient;
  close(): Promise<void>;
}

export function openParts(): Parts {
  const servers: HostileServer[] = [];
  const clients: RegistryClient[] = [];
  return {
    hostile: async (answer) => {
      const server = await startHostile(answer);
      servers.push(server);
      return server;
    },
    connect: (options = {}) => {
      const client = createRegistryClient({ retries: 0, timeoutMs: 2000, ...options });
      clients.push(client);
      return client;
    },
    close: async () => {
      for (const client of clients.splice(0)) await client.close();
      for (const server of servers.splice(0)) await server.close();
    },
  };
}
