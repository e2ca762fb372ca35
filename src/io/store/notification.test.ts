import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";

describeStores("notifications", ({ it, store, clock }) => {
  const to = (...receivers: string[]) =>
    receivers.map((receiver) => ({ receiver, notBefore: clock.now(), about: "web" }));

  it("are for each receiver a row of its own, leased, tried and given up by itself", async () => {
    const id = await store().saveNotification("held", { image: "web" });
    expect(await store().leaseNotifications("chat", 1000)).toEqual([]);
    expect(await store().routeNotifications(10, () => to("chat", "mail"))).toBe(1);
    expect(await store().routeNotifications(10, () => to("chat"))).toBe(0);
    const [chat] = await store().leaseNotifications("chat", 1000);
    const [mail] = await store().leaseNotifications("mail", 1000);
    expect(chat).toMatchObject({ id, event: "held", body: { image: "web" }, attempts: 1, repeats: 0 });
    expect(mail).toMatchObject({ event: "held", body: { image: "web" }, attempts: 1, createdAt: chat?.createdAt });
    expect(mail?.id).not.toBe(id);
    // Leased: nobody else gets it until the lease ends.
    expect(await store().leaseNotifications("chat", 1000)).toEqual([]);
    await store().saveDelivery(id, { kind: "delivered" });
    await store().saveDelivery(mail?.id ?? "", { kind: "failed", error: "no", nextAttempt: Date.UTC(9999, 0) });
    expect(await store().countNotifications()).toEqual({ waiting: 0, abandoned: 1 });
    expect(await store().hurryNotifications(["chat"])).toBe(0);
    expect(await store().hurryNotifications(["mail"])).toBe(1);
    expect(await store().leaseNotifications("mail", 1000)).toMatchObject([{ id: mail?.id, attempts: 1 }]);
  });

  it("that nobody wants are done with, and the same that waits is counted", async () => {
    await store().saveNotification("held", { image: "web" });
    await store().routeNotifications(10, () => []);
    expect(await store().countNotifications()).toEqual({ waiting: 0, abandoned: 0 });
    for (let times = 0; times < 3; times += 1) await store().saveNotification("held", { image: "web" });
    await store().routeNotifications(10, () => to("chat"));
    expect(await store().countNotifications()).toEqual({ waiting: 1, abandoned: 0 });
    expect(await store().leaseNotifications("chat", 1000)).toMatchObject([{ repeats: 2 }]);
    // What was tried already may be there: the next is a row of its own.
    await store().saveNotification("held", { image: "web" });
    await store().routeNotifications(10, () => to("chat"));
    expect(await store().leaseNotifications("chat", 1000)).toMatchObject([{ repeats: 0 }]);
  });

  it("for a receiver that there is no more are done with", async () => {
    await store().saveNotification("held", { image: "web" });
    await store().routeNotifications(10, () => to("chat", "mail"));
    await store().endNotifications(["mail"]);
    expect(await store().countNotifications()).toEqual({ waiting: 1, abandoned: 0 });
    expect(await store().leaseNotifications("chat", 1000)).toEqual([]);
    expect(await store().leaseNotifications("mail", 1000)).toHaveLength(1);
  });

  it("are taken in the order in which they came, at most so many", async () => {
    for (let at = 0; at < 5; at += 1) {
      await store().saveNotification("held", { at });
      clock.advance(1);
    }
    await store().routeNotifications(3, ({ body }) => [
      { receiver: "chat", notBefore: clock.now(), about: String(body["at"]) },
    ]);
    const first = await store().leaseNotifications("chat", 1000, 2);
    expect(first.map(({ body }) => body["at"])).toEqual([0, 1]);
    await store().routeNotifications(3, ({ body }) => [
      { receiver: "chat", notBefore: clock.now() + 60_000, about: String(body["at"]) },
    ]);
    expect((await store().leaseNotifications("chat", 1000)).map(({ body }) => body["at"])).toEqual([2]);
    clock.advance(60_000);
    expect((await store().leaseNotifications("chat", 60_000)).map(({ body }) => body["at"])).toEqual([0, 1, 2, 3, 4]);
  });
});
