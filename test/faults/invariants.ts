import { expect } from "vitest";
import type { OpenFleet } from "./small-fleet.ts";

/** What holds at every moment, whatever was killed: asserted from the store and the registry. */
export async function expectInvariants({ fleet }: OpenFleet): Promise<void> {
  const { store, config, repositoryOf } = fleet.ctx;
  const [pointers, intents, verdict, verifications] = await Promise.all([
    store.loadPointers(),
    store.loadOpenIntents(),
    store.verifyAudit(),
    store.loadVerifications({}),
  ]);
  expect(verdict).toMatchObject({ kind: "intact" });
  const places = intents.map(({ image, environment }) => `${image}:${environment}`);
  expect(new Set(places).size).toBe(places.length);
  for (const { image, environment, digest } of pointers) {
    const passed = verifications.some(
      (one) =>
        one.image === image && one.environment === environment && one.digest === digest && one.verdict === "passed",
    );
    expect(passed, `${image}:${environment} names ${digest} without a verification`).toBe(true);
  }
  for (const image of Object.keys(config.images)) {
    for (const { name: environment } of config.environments) {
      const tagged = (await repositoryOf(image).resolve(environment))?.digest;
      const named = [...pointers, ...intents]
        .filter((one) => one.image === image && one.environment === environment)
        .map(({ digest }) => digest);
      if (tagged !== undefined) expect(named, `${image}:${environment} is tagged ${tagged}`).toContain(tagged);
      else expect(pointers.some((one) => one.image === image && one.environment === environment)).toBe(false);
    }
  }
}
