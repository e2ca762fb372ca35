import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock, type Digest, type Instant } from "./lib/index.ts";
import { probeEnvironments } from "./loop/promote/index.ts";
import type { Fleet } from "./fleet.ts";

/** The image whose update turns unhealthy after its promotion. */
export const lampImage = "tide-lamp";

/** What would run where the tour has nothing that runs containers: it answers as the digest would that production names. */
export interface Lamp {
  readonly url: string;
  /** From now on it is well only as long as this says so. */
  setWell(isWell: () => Promise<boolean>): void;
  close(): Promise<void>;
}

export async function startLamp(): Promise<Lamp> {
  let isWell = (): Promise<boolean> => Promise.resolve(true);
  const server = createServer((_, response) => {
    isWell().then(
      (well) => response.writeHead(well ? 200 : 500).end(well ? "the lamp burns\n" : "the lamp is out\n"),
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    setWell: (next) => void (isWell = next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const patienceMs = 60_000;
const wellMs = 1000;

/**
 * Has the lamp go out while its new image soaks in production: well for a while, then not. The probe of the environment finds it, and it is taken back. Nothing happens where the image was not promoted
 * since `since`.
 */
export async function turnUnhealthy({ ctx }: Fleet, lamp: Lamp, since: Instant): Promise<void> {
  const last = ctx.config.environments.at(-1)?.name ?? "";
  const pointerNow = async () =>
    (await ctx.store.loadPointers(lampImage)).find(({ environment }) => environment === last);
  const { digest = null, previous = null, since: promoted = null } = (await pointerNow()) ?? {};
  if (digest === null || previous === null || (promoted ?? 0) < since) return;
  const isNamed = async (one: Digest): Promise<boolean> => (await pointerNow())?.digest === one;
  const stop = new AbortController();
  const probing = probeEnvironments(ctx, AbortSignal.any([stop.signal, ctx.signal]));
  try {
    await systemClock.sleep(wellMs, ctx.signal);
    lamp.setWell(async () => !(await isNamed(digest)));
    const end = performance.now() + patienceMs;
    while (performance.now() < end && (await isNamed(digest))) await systemClock.sleep(100, ctx.signal);
  } finally {
    stop.abort();
    await probing;
  }
}
