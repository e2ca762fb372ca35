import { afterEach, expect } from "vitest";
import { createSmallFleet, smallPackages, type Change, type OpenFleet, type SmallFleet } from "./small-fleet.ts";

export interface Started extends OpenFleet {
  readonly small: SmallFleet;
}

/** Gives each test a fleet of its own, which is closed and removed after it. */
export function smallFleets() {
  const ends: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  const create = async (change: Change = {}, env: Readonly<Record<string, string>> = {}): Promise<SmallFleet> => {
    const small = await createSmallFleet(change, env);
    ends.push(() => small.remove());
    await small.publish(smallPackages());
    return small;
  };
  const open = async (small: SmallFleet): Promise<Started> => {
    const opened = await small.open();
    ends.push(() => opened.close());
    return { ...opened, small };
  };
  return {
    /** Has something ended after the test, before what was begun earlier. */
    onEnd: (end: () => Promise<void>) => void ends.push(end),
    /** A fleet of which nothing is built yet. */
    create,
    open,
    /** A fleet whose three images are in production. */
    start: async (change: Change = {}): Promise<Started> => {
      const started = await open(await create(change));
      expect(await started.run()).toMatchObject({ built: 3, failed: 0, alarms: [] });
      return started;
    },
  };
}
