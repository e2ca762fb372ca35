import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";

const stuck = { code: "stuck", subject: "web", severity: "error", message: "it is stuck" } as const;

describeStores("alarms", ({ it, store, clock }) => {
  const save = async (more: { readonly message?: string; readonly retold?: boolean }) => {
    const { alarm, isNew } = await store().saveAlarm({ ...stuck, ...more });
    return [isNew, alarm.message, alarm.since];
  };

  it("are told of once, also where they say something else, but where that is another thing to know", async () => {
    const since = clock.now();
    expect(await save({ retold: true })).toEqual([true, stuck.message, since]);
    clock.advance(1000);
    expect(await save({ retold: true })).toEqual([false, stuck.message, since]);
    expect(await save({ message: "still" })).toEqual([false, "still", since]);
    expect(await save({ message: "otherwise", retold: true })).toEqual([true, "otherwise", since]);
    await store().saveAlarmCleared(stuck);
    expect(await save({ retold: true })).toEqual([true, stuck.message, since + 1000]);
  });
});
