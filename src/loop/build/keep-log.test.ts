import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { declareImages, planned } from "../../io/store/testdata/given.ts";
import { silentLogger } from "../../lib/index.ts";
import type { Context, LoopEvent } from "../context.ts";
import { keepLog } from "./keep-log.ts";

describeStores("the log of a build", ({ it, store }) => {
  async function begin() {
    await declareImages(store(), "web");
    const saved = await store().savePlan({ detail: {}, rebuilds: [planned("web")] });
    const rebuild = saved.placed[0]?.rebuild;
    if (rebuild === undefined) throw new Error("nothing was planned");
    const events: LoopEvent[] = [];
    const parts: Pick<Context, "store" | "log" | "emit"> = {
      store: store(),
      log: silentLogger(),
      emit: (event) => void events.push(event),
    };
    return { ctx: parts as unknown as Context, rebuild, events };
  }

  it("is told line by line, and kept, also of a build that fails; the newest stays", async () => {
    const { ctx, rebuild, events } = await begin();
    await keepLog(ctx, rebuild, (log) => Promise.resolve(log("first")));
    expect(events).toMatchObject([{ kind: "output", image: "web", rebuild: rebuild.id, message: "first" }]);
    const fails = keepLog(ctx, rebuild, (log) => {
      log("step 1");
      log("step 2 \0");
      return Promise.reject(new Error("it failed"));
    });
    await expect(fails).rejects.toThrow("it failed");
    expect(await store().loadBuildLog(rebuild.id)).toMatchObject({ text: "step 1\nstep 2 \ufffd", leftOut: 0 });
  });

  it("keeps the beginning and the end of what is long, and says how much is not there", async () => {
    const { ctx, rebuild } = await begin();
    await keepLog(ctx, rebuild, (log) => {
      for (let at = 0; at < 200_000; at += 1) log(`line ${at}`);
      return Promise.resolve();
    });
    const kept = await store().loadBuildLog(rebuild.id);
    expect(kept?.text.length).toBeLessThan(600_000);
    expect(kept?.text).toMatch(/^line 0\nline 1\n/);
    expect(kept?.text).toMatch(/\nline 199999$/);
    const left = Number(/… (\d+) lines are left out …/.exec(kept?.text ?? "")?.[1]);
    expect(kept?.leftOut).toBe(left);
    expect((kept?.text.split("\n").length ?? 0) - 1 + left).toBe(200_000);
  });
});
