import { expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { sha256, type Digest } from "../../lib/index.ts";
import { digestOf, leasedRebuild } from "./testdata/given.ts";

const wanted = (token = "t") => ({
  place: "its pipeline",
  noCache: false,
  bases: {},
  token: { text: token, hash: sha256(token) },
});
const by = (token: string) => (hash: string | null) => hash === sha256(token);
const given = (digest: Digest) => ({ kind: "digest", digest }) as const;

describeStores("runs of pipelines", ({ it, store, clock }) => {
  const intended = async (token?: string) => {
    const lease = await leasedRebuild(store(), "shop");
    const saved = await store().saveRunIntent(lease, wanted(token));
    if (saved.kind === "lost") throw new Error("the lease was lost");
    return { lease, run: saved.run };
  };

  it("have names of their own, and no token once the pipeline has it", async () => {
    const { lease, run } = await intended();
    expect(run).toMatchObject({ attempt: 1, name: `tidemill-${lease.rebuild.id}`, state: "intended", token: "t" });
    const tried = await store().saveRun(lease, run.id, { tried: true });
    expect(tried).toMatchObject({ run: { token: "t", triedAt: clock.now() } });
    const asked = await store().saveRun(lease, run.id, { state: "running", run: "7", url: "https://ci.example/7" });
    expect(asked).toMatchObject({ run: { state: "running", token: null, tokenHash: sha256("t") } });
    const second = await store().saveRunIntent(lease, wanted());
    expect(second).toMatchObject({ run: { attempt: 2, name: `tidemill-${lease.rebuild.id}-2` } });
    const told = JSON.stringify(await store().loadAudit({ limit: 50 }));
    expect(told).toContain("pipeline-intended");
    expect(told).not.toContain(sha256("t"));
  });

  it("are answered once, whoever is first; the same again is known", async () => {
    const { lease, run } = await intended();
    const answer = (token: string, digest: Digest) => store().saveRunAnswer(run.id, by(token), given(digest));
    expect(await answer("other", digestOf("a"))).toEqual({ kind: "unproven" });
    const all = await Promise.all(
      Array.from({ length: 20 }, (_, at) => answer("t", digestOf(at % 2 === 0 ? "a" : "b"))),
    );
    expect(all.filter(({ kind }) => kind === "taken")).toHaveLength(1);
    const [kept] = (await store().loadRuns([run.rebuild])).get(run.rebuild) ?? [];
    if (kept?.digest === null || kept === undefined) throw new Error("nothing was kept");
    expect(kept).toMatchObject({ state: "given", token: null });
    expect(await answer("t", kept.digest)).toMatchObject({ kind: "known" });
    expect(await answer("t", digestOf("c"))).toEqual({ kind: "differs" });
    // What was looked at meanwhile changes nothing.
    await store().saveRun(lease, run.id, { state: "failed", reason: "it looked so", closed: true });
    expect((await store().loadRuns([run.rebuild])).get(run.rebuild)).toEqual([kept]);
    expect(await store().loadRunTags("shop", kept.digest)).toEqual([run.name]);
    expect(await store().loadRunTags("shop", digestOf("c"))).toEqual([]);
  });

  it("are no longer answered, and are to be withdrawn, when their rebuild has ended or they are late", async () => {
    const { lease, run } = await intended();
    await store().saveRun(lease, run.id, { state: "running" });
    expect(await store().loadUnwantedRuns()).toEqual([]);
    await store().saveRebuild(lease, { state: "failed", lastError: null });
    expect(await store().saveRun(lease, run.id, { state: "running" })).toEqual({ kind: "lost" });
    expect(await store().saveRunAnswer(run.id, by("t"), given(digestOf("a")))).toEqual({ kind: "over" });
    expect(await store().loadUnwantedRuns()).toMatchObject([{ id: run.id, image: "shop" }]);
    await store().saveRunWithdrawn(run.id, { lookAt: clock.now() + 60_000 });
    expect(await store().loadUnwantedRuns()).toEqual([]);
    clock.advance(60_000);
    await store().saveRunWithdrawn(run.id, { state: "withdrawn", reason: "it was ended", closed: true });
    expect(await store().loadUnwantedRuns()).toEqual([]);
  });

  it("are asked for by nobody who has lost the lease", async () => {
    const lease = await leasedRebuild(store(), "shop");
    clock.advance(3_600_000);
    expect(await store().saveRunIntent(lease, wanted())).toEqual({ kind: "lost" });
  });
});
