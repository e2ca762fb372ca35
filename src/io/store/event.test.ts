import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";

const told = (key: string) => ({
  endpoint: "hub",
  key,
  subjects: [{ kind: "image", reference: "a.lan/x:1" }] as const,
});

describeStores("events", ({ it, store, clock }) => {
  it("are kept once, wait for a look, and are known for as long as they are kept", async () => {
    expect(await store().saveEvents([told("1"), told("2"), told("1")])).toEqual([
      { endpoint: "hub", key: "1" },
      { endpoint: "hub", key: "2" },
    ]);
    expect(await store().saveEvents([told("2"), { ...told("2"), endpoint: "other" }])).toEqual([
      { endpoint: "other", key: "2" },
    ]);
    const waiting = await store().loadWaitingEvents(10);
    expect(waiting).toHaveLength(3);
    expect(waiting[0]?.subjects).toEqual(told("1").subjects);
    expect(await store().countWaitingEvents()).toEqual({ count: 3, since: clock.now() });

    await store().saveEventsLooked(waiting.slice(0, 2).map(({ id }) => id));
    expect(await store().countWaitingEvents()).toMatchObject({ count: 1 });
    expect(await store().saveEvents([told("1")])).toEqual([]);

    // What waits is not forgotten, however old it is.
    expect(await store().removeEvents(clock.now() + 1)).toBe(2);
    expect(await store().loadWaitingEvents(10)).toHaveLength(1);
  });

  it("ten thousand are written by parts, and none is lost", async () => {
    for (let from = 0; from < 10_000; from += 500)
      await store().saveEvents(Array.from({ length: 500 }, (_, at) => told(`${from + at}`)));
    expect(await store().countWaitingEvents()).toMatchObject({ count: 10_000 });
    expect(await store().loadWaitingEvents(5_000)).toHaveLength(5_000);
  });
});
