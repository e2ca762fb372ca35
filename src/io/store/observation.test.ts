import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";

describeStores("observations", ({ it, store, clock }) => {
  const see = (upstream: string, contentKey: string) => store().saveObservation({ upstream, contentKey, detail: {} });

  it("keep the first sight of each content, and call an upstream's first one its baseline", async () => {
    await store().saveUpstreams(["a", "b"].map((name) => ({ name, kind: "suite", detail: {} })));
    const first = await see("a", "1");
    clock.advance(1000);
    const second = await see("a", "2");
    clock.advance(1000);
    const again = await see("a", "1");
    expect([first, second, again].map(({ isNew, observation }) => [isNew, observation.baseline])).toEqual([
      [true, true],
      [true, false],
      [false, true],
    ]);
    expect(again.observation.firstSeen).toBe(first.observation.firstSeen);
    expect((await see("b", "1")).observation.baseline).toBe(true);
  });

  it("are told newest first, of one upstream, and as they stood at a moment", async () => {
    await store().saveUpstreams(["a", "b"].map((name) => ({ name, kind: "suite", detail: {} })));
    const start = clock.now();
    for (const key of ["1", "2", "3"]) {
      await see("a", key);
      await see("b", key);
      clock.advance(1000);
    }
    const keys = async (until?: number) =>
      (await store().loadObservations({ upstream: "a", ...(until === undefined ? {} : { until }) })).map(
        ({ contentKey }) => contentKey,
      );
    expect(await keys()).toEqual(["3", "2", "1"]);
    expect(await keys(start + 1000)).toEqual(["2", "1"]);
    expect(await keys(start + 999)).toEqual(["1"]);
    expect(await keys(start - 1)).toEqual([]);
    expect((await store().loadNewestObservations()).map(({ upstream, contentKey }) => [upstream, contentKey])).toEqual([
      ["a", "3"],
      ["b", "3"],
    ]);
  });
});
