import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createRegistryServer } from "../../src/io/registry/index.ts";

/** Answers in the place of the registry what names `digest` as its subject: a list, as the referrers API gives it. */
export type Meddler = (digest: string) => Promise<unknown>;

/** A registry on loopback whose answers about what lies beside a digest can be somebody else's. */
export interface MeddlingRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  /** The same content, as it is. */
  readonly honestHost: string;
  /** From now on; undefined ends it. */
  meddle(meddler: Meddler | undefined): void;
  close(): Promise<void>;
}

/** Starts one that keeps its content in `dir`. */
export async function createMeddlingRegistry(dir: string): Promise<MeddlingRegistry> {
  const registry = await createRegistryServer({ dir });
  const honest = await registry.listen(0);
  let meddler: Meddler | undefined;
  const server = createServer((request, response) => {
    const [, digest] = /^\/v2\/.+\/referrers\/(sha256:[0-9a-f]{64})/.exec(request.url ?? "") ?? [];
    if (meddler === undefined || digest === undefined) return registry.handler(request, response);
    meddler(digest).then(
      (list) => {
        response.writeHead(200, { "content-type": "application/vnd.oci.image.index.v1+json" });
        response.end(JSON.stringify(list));
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    honestHost: honest.host,
    meddle: (next) => void (meddler = next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry.close();
    },
  };
}
