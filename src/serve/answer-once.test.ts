import { expect } from "vitest";
import { describeStores } from "../../test/fakes/stores.ts";
import { AppError } from "../lib/index.ts";
import { answerOnce } from "./answer-once.ts";

describeStores("answerOnce", ({ it, store, clock }) => {
  let done = 0;
  const work = () => {
    done += 1;
    return Promise.resolve({ done });
  };
  const ask = (
    key: string,
    more: { input?: object; server?: string; keep?: boolean; caller?: string } = {},
    run = work,
  ) =>
    answerOnce(
      {
        caller: more.caller ?? "ci",
        key,
        operation: "hold",
        input: more.input ?? { image: "web" },
        keep: more.keep ?? true,
      },
      { store: store(), server: more.server ?? "one" },
      run,
    );

  it("does it once, and answers the same again, in another process and with its fields in another order too", async () => {
    done = 0;
    const first = await ask("a", { input: { image: "web", by: "ada" } });
    expect(first).toMatchObject({ status: 200, body: '{"done":1}', replayed: false });
    const again = { status: 200, body: '{"done":1}', replayed: true };
    expect(await ask("a", { input: { by: "ada", image: "web" }, server: "two" })).toEqual(again);
    expect(await ask('"a"', { input: { image: "web", by: "ada" } })).toEqual(again);
    expect(done).toBe(1);
  });

  it("does it once of many that come together", async () => {
    done = 0;
    const answers = await Promise.allSettled(Array.from({ length: 8 }, () => ask("b")));
    expect(done).toBe(1);
    const refused = answers.filter((one) => one.status === "rejected").map((one) => (one.reason as AppError).code);
    expect(new Set(refused)).toEqual(new Set(refused.length === 0 ? [] : ["KEY_BUSY"]));
  });

  it("is another caller's own, and is not used for two things", async () => {
    await ask("c");
    expect(await ask("c", { caller: "cd" })).toMatchObject({ replayed: false });
    await expect(ask("c", { input: { image: "api" } })).rejects.toMatchObject({ code: "KEY_REUSED" });
  });

  it("says so where the process that began it ended before it answered", async () => {
    const asked = { caller: "ci", key: "d", operation: "hold" };
    const begun = new Promise<void>((resolve) => {
      const never = () => {
        resolve();
        return new Promise<object>(() => undefined);
      };
      const request = { ...asked, input: { image: "web" }, keep: true };
      void answerOnce(request, { store: store(), server: "gone" }, never);
    });
    await begun;
    await expect(ask("d", { server: "gone" })).rejects.toMatchObject({ code: "KEY_BUSY" });
    await expect(ask("d", { server: "new" })).rejects.toMatchObject({ code: "OUTCOME_UNKNOWN" });
  });

  it("keeps a refusal, and forgets what broke", async () => {
    const refuse = () => Promise.reject(new AppError("NOT_FOUND", "no image web"));
    await expect(ask("e", {}, refuse)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await ask("e")).toMatchObject({ status: 404, replayed: true, body: expect.stringContaining("NOT_FOUND") });
    const breakOff = () => Promise.reject(new Error("the disk is full"));
    await expect(ask("f", {}, breakOff)).rejects.toThrow("the disk is full");
    expect(await ask("f")).toMatchObject({ status: 200, replayed: false });
  });

  it("does not keep an answer that holds a secret, and does not do it again", async () => {
    done = 0;
    await ask("g", { keep: false });
    await expect(ask("g", { keep: false })).rejects.toMatchObject({ code: "ANSWER_NOT_KEPT" });
    expect(done).toBe(1);
  });

  it("is free again after a day", async () => {
    await ask("h");
    clock.advance(86_400_000);
    expect(await ask("h", { input: { image: "api" } })).toMatchObject({ replayed: false });
  });

  it("refuses a key that is none", async () => {
    for (const key of ["", "x".repeat(256), "a b", "ä", "\u0000"])
      await expect(ask(key)).rejects.toMatchObject({ code: "BAD_KEY" });
  });
});
