import { describe, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { operations } from "../../operation/index.ts";
import { configOf, fleetText } from "./testdata/fleet.ts";
import { createVex } from "./vex.ts";

const day = 86_400_000;

describeStores("what people say of vulnerabilities", ({ it, store, clock }) => {
  const config = configOf(fleetText);
  const vex = () => createVex({ config, store: store(), clock });
  const said = {
    vulnerability: "CVE-2026-0001",
    status: "not_affected",
    justification: "component_not_present",
    reason: "built without it",
    by: "ada",
  } as const;

  it("is put down with who, why and until when, listed, and in the audit chain", async () => {
    const until = new Date(clock.now() + day).toISOString();
    const output = await vex().vexAdd({ ...said, package: "openssl", image: "web", until });
    const { statement } = operations.vexAdd.output.parse(output);
    expect(statement).toMatchObject({
      vulnerability: "CVE-2026-0001",
      package: "openssl",
      image: "web",
      status: "not_affected",
      author: "ada",
      until,
      expired: false,
    });
    await vex().vexAdd({ ...said, author: "the security team" });
    const { statements } = operations.vexList.output.parse(await vex().vexList({}));
    expect(statements.map(({ image, author }) => [image, author])).toEqual(
      expect.arrayContaining([
        ["web", "ada"],
        [null, "the security team"],
      ]),
    );
    expect((await vex().vexList({ image: "base" })).statements).toHaveLength(1);
    const audit = await store().loadAudit({ limit: 10 });
    expect(audit.map(({ action }) => action)).toContain("vex-added");
    clock.advance(2 * day);
    const later = (await vex().vexList({ image: "web" })).statements;
    expect(later.filter(({ expired }) => expired)).toMatchObject([{ package: "openssl" }]);
  });

  it("is taken back by vulnerability or id, with a reason, once", async () => {
    const { statement } = await vex().vexAdd(said);
    await vex().vexAdd({ ...said, image: "web" });
    const who = { by: "bob", reason: "we need it now" };
    expect((await vex().vexRemove({ statement: statement.id.slice(0, 8), ...who })).removed).toHaveLength(1);
    expect((await vex().vexRemove({ statement: "cve-2026-0001", ...who })).removed).toMatchObject([{ image: "web" }]);
    await expect(vex().vexRemove({ statement: "CVE-2026-0001", ...who })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect((await vex().vexList({})).statements).toEqual([]);
    const removed = (await store().loadAudit({ limit: 10 })).filter(({ action }) => action === "vex-removed");
    expect(removed).toHaveLength(2);
    expect(removed[0]).toMatchObject({ detail: { reason: "we need it now" } });
  });

  describe("is refused", () => {
    it("of an image that there is not, with an end that has passed, and with half of what OpenVEX demands", async () => {
      await expect(vex().vexAdd({ ...said, image: "wbe" })).rejects.toMatchObject({ code: "NOT_FOUND" });
      const until = new Date(clock.now()).toISOString();
      await expect(vex().vexAdd({ ...said, until })).rejects.toMatchObject({ code: "BAD_INPUT" });
      const { justification: _justification, ...bare } = said;
      await expect(vex().vexAdd(bare)).rejects.toMatchObject({ code: "BAD_INPUT" });
      await expect(vex().vexAdd({ ...said, status: "affected" })).rejects.toMatchObject({ code: "BAD_INPUT" });
      expect((await vex().vexList({})).statements).toEqual([]);
    });
  });
});
