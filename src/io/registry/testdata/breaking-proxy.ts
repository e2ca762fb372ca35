import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A way to a server on which connections break. */
export interface BreakingProxy {
  readonly host: string;
  /** Connections that were broken. */
  broken(): number;
  close(): Promise<void>;
}

/** Passes bytes to `target`; `breakAfter` gives, for each connection, after how many bytes to the server it breaks. */
export async function startBreakingProxy(
  target: string,
  breakAfter: (connection: number) => number | undefined,
): Promise<BreakingProxy> {
  const sockets = new Set<Socket>();
  let connections = 0;
  let broken = 0;
  const [name, port] = target.split(":");
  const server = createServer((near) => {
    const far = connect(Number(port), name ?? "");
    const limit = breakAfter(connections++) ?? Number.POSITIVE_INFINITY;
    let passed = 0;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.on("data", (bytes) => {
      passed += bytes.byteLength;
      if (passed <= limit) return void far.write(bytes);
      broken++;
      // What came before is on its way; only then does the server see the end.
      far.end(bytes.subarray(0, bytes.byteLength - (passed - limit)));
      return near.destroy();
    });
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken: () => broken,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
