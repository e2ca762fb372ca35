import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from "node:crypto";
import { afterEach, beforeEach, expect } from "vitest";
import { describeStores } from "../../../test/fakes/stores.ts";
import { tendExposures } from "../../loop/expose/index.ts";
import { createSmallFleet, type SmallFleet } from "../../loop/expose/testdata/fleet.ts";
import { exposure, report as reportShape } from "../../operation/exposure.ts";
import { createExposure, createReport } from "./index.ts";

const hour = 3_600_000;
const hostile = `<script>alert(1)</script>"'\u001b[31m&`;

describeStores("the report", ({ it, store, clock }) => {
  let fleet: SmallFleet;
  const image = (team: string) => ({ recipe: "packages", upstream: "debian", packages: ["openssl"], labels: { team } });
  beforeEach(async () => {
    fleet = await createSmallFleet(store(), clock, { images: { web: image("shop"), pay: image(hostile) } });
    await fleet.declare("web", "pay");
    await fleet.publish("CVE-2026-1", "3.0-2", {
      severity: [{ type: "CVSS_V3", score: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
    });
  });
  afterEach(() => fleet.remove());
  const step = (hours: number): void => clock.advance(hours * hour);
  const make = (more: object = {}, request: object = {}) =>
    createReport({ ...fleet.ctx, ...more }, { version: "1.2.3" })({ period: "90d", ...request });

  /** Web is exposed for ten hours, pay still is. */
  const live = async (): Promise<void> => {
    await fleet.promote("web", await fleet.build("web", "3.0-1"));
    await fleet.promote("pay", await fleet.build("pay", "3.0-1"));
    await fleet.pass();
    step(10);
    await fleet.promote("web", await fleet.build("web", "3.0-2"));
    await fleet.pass();
  };

  it("calls nothing clean that no feed vouches for", async () => {
    await live();
    const known = await make();
    expect(known.html).not.toContain("at least");
    const { document, html } = await make({ feeds: [] });
    expect(document.doubts).toEqual(["no feed"]);
    expect(html).toContain("at least 1");
    expect(html).toContain("closed nothing that is known");
  });

  it("counts what was opened, cured, kept and missed, by label and whole", async () => {
    await live();
    step(24 * 8);
    const { document } = await make({}, { label: "team", framework: "chainguard" });
    expect(document.fleet).toMatchObject({
      images: 2,
      opened: 2,
      open: 1,
      overdue: 1,
      met: 1,
      missed: 0,
      percentWithin: 50,
    });
    expect(document.fleet.closed.promoted).toBe(1);
    expect(document.fleet.fixToProduction).toEqual({ count: 1, medianSeconds: 36_000, p95Seconds: 36_000 });
    expect(document.parts.map(({ label, open, percentWithin }) => [label, open, percentWithin])).toEqual([
      [hostile, 1, 0],
      ["shop", 0, 100],
    ]);
    // The first builds closed nothing, the one that cured did.
    expect(document.fleet.rebuilds).toEqual({ total: 3, failed: 0, closedNothing: 2 });
    expect(document.openByAge.map(({ critical }) => critical)).toEqual([0, 1, 0, 0, 0]);
    expect(document.oldest).toMatchObject([{ image: "pay", severity: "critical" }]);
    expect(document.weeks.at(-1)).toMatchObject({ open: 1 });
    const only = await make({}, { label: "team=shop" });
    expect(only.document.fleet).toMatchObject({ opened: 1, open: 0, images: 1 });
    expect(only.document.oldest).toEqual([]);
  });

  it("is what its schema says, and the same as a file", async () => {
    await live();
    const made = await make();
    expect(reportShape.parse(made)).toEqual(made);
    expect(JSON.parse(made.json)).toEqual(made.document);
    expect(made.signed).toBeNull();
  });

  it("shows hostile names harmless: no markup, no escapes, no script, nothing from elsewhere", async () => {
    await live();
    await fleet.publish(`CVE-2026-7`, "3.0-9", { aliases: [hostile], summary: hostile });
    await fleet.pass();
    const { html, json } = await make({}, { label: "team" });
    expect(html).not.toContain("<script");
    expect(html).not.toContain("\u001b");
    expect(html).toContain("&lt;script&gt;");
    expect(html).not.toMatch(/https?:\/\/|@import|url\(|<link|<iframe|javascript:| on[a-z]+=| style=/);
    // The page's own policy lets in its style and nothing else: a browser would show a page without style otherwise.
    const style = /<style>([\s\S]*)<\/style>/.exec(html)?.[1] ?? "";
    const hash = createHash("sha256").update(style).digest("base64");
    expect(html).toContain(`Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'"`);
    expect(json).not.toContain("\u001b");
  });

  it("has detached signatures over the very bytes", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const pem = publicKey.export({ type: "spki", format: "pem" }).toString();
    const signer = { pem, sign: (data: Uint8Array) => Promise.resolve(sign("sha256", data, privateKey)) };
    const { json, html, signed } = await make({ evidence: { signer: () => Promise.resolve(signer) } });
    const isBy = (text: string, signature: string): boolean =>
      verify("sha256", Buffer.from(text), createPublicKey(pem), Buffer.from(signature, "base64"));
    expect(signed).toMatchObject({ by: "key", key: pem });
    expect([isBy(json, signed?.json ?? ""), isBy(html, signed?.html ?? "")]).toEqual([true, true]);
    expect(isBy(html.replace("Tidemill", "tidemill"), signed?.html ?? "")).toBe(false);
  });

  it("says what it does not know: without a feed nothing is clean", async () => {
    const { document, html } = await make({ feeds: [] });
    expect(document.doubts).toEqual(["no feed"]);
    expect(html).toContain("Not everything is known.");
  });

  it("refuses what is no period, label or environment, and says what there is", async () => {
    await expect(make({}, { period: "soon" })).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(make({}, { label: "cost" })).rejects.toThrow(/not made by the label "cost"/);
    await expect(make({}, { environment: "prod" })).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("judges anew when the deadlines of the configuration change, and moves counts with labels", async () => {
    await live();
    const slo = { ...fleet.config.slo, rules: [{ name: "fast", from: "fix-available" as const, within: 5 * hour }] };
    const images = { ...fleet.config.images, web: { ...fleet.config.images["web"], labels: { team: "other" } } };
    const config = { ...fleet.config, slo, images } as SmallFleet["config"];
    expect(await tendExposures({ ...fleet.ctx, config })).toBeGreaterThan(0);
    const { document } = await make({ config }, { label: "team", framework: "own" });
    expect(document.fleet).toMatchObject({ met: 0, missed: 1, overdue: 1, percentWithin: 0, opened: 2 });
    expect(document.parts.map(({ label, opened }) => [label, opened])).toEqual([
      [hostile, 1],
      ["other", 1],
    ]);
    expect(await tendExposures({ ...fleet.ctx, config })).toBe(0);
  });

  it("lists exposures with every milestone and deadline", async () => {
    await live();
    const list = createExposure(fleet.ctx);
    const now = await list({ days: 0, limit: 10 });
    expect(exposure.parse(now)).toEqual(now);
    expect(now.exposures.map((one) => [one.image, one.end])).toEqual([["pay", null]]);
    const all = await list({ days: 30, limit: 10, advisory: "CVE-2026-1" });
    expect(all.exposures.map((one) => [one.image, one.end])).toEqual([
      ["pay", null],
      ["web", "promoted"],
    ]);
    expect(all.exposures[1]?.milestones.map(({ name, at }) => [name, at !== null])).toEqual([
      ["published", true],
      ["fix-available", true],
      ["detected", true],
      ["built", true],
      ["verified", true],
      ["promoted", true],
      ["deployed", false],
      ["closed", true],
    ]);
    expect(all.exposures[1]?.deadlines).toContainEqual(
      expect.objectContaining({ framework: "chainguard", verdict: "met" }),
    );
  });
});
