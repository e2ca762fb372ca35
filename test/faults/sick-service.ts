import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A service that answers as the digest that it runs would: 200, or 503 where it was made sick. */
export interface SickService {
  readonly url: string;
  /** Decides on each answer; well at first. */
  isWell: () => boolean | Promise<boolean>;
  readonly asked: () => number;
  readonly close: () => Promise<void>;
}

export async function startSickService(): Promise<SickService> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    void (async () => {
      const isWell = await service.isWell();
      response.writeHead(isWell ? 200 : 503).end(isWell ? "well" : "sick");
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const service: SickService = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    isWell: () => true,
    asked: () => asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return service;
}
