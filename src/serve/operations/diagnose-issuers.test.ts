import { afterEach, describe, expect, it } from "vitest";
import { startIssuer, type Issuer } from "../../../test/fakes/openid-issuer.ts";
import { manualClock } from "../../lib/index.ts";
import { issuerParts } from "./diagnose-issuers.ts";

let issuer: Issuer | undefined;
afterEach(() => issuer?.close());

async function look(skewMs: number, prepare: (issuer: Issuer) => void = () => undefined) {
  issuer = await startIssuer();
  prepare(issuer);
  const rule = { issuer: issuer.address, audience: "a", claims: { sub: "x" }, roles: [], labels: [] };
  const parts = issuerParts({ workloads: [rule, rule] }, manualClock(Date.now() + skewMs));
  expect(parts).toHaveLength(1);
  return parts[0]?.look(AbortSignal.timeout(5000));
}

describe("issuerParts", () => {
  it("says whether an issuer's keys can be had", async () => {
    expect(await look(0)).toMatchObject({ state: "ok", message: "its keys can be had (1), and the clocks agree" });
  });

  it.each([120_000, -120_000])("fails where the clocks differ by %i ms", async (skew) => {
    expect(await look(skew)).toMatchObject({ state: "failed", message: expect.stringContaining("clock") as string });
  });

  it("names what keeps the keys away", async () => {
    const broken = await look(0, (one) => one.answer("/keys", (response) => response.writeHead(503).end()));
    expect(broken).toMatchObject({ state: "failed", message: expect.stringContaining("503") as string });
    const empty = await look(0, (one) => one.answer("/keys", (response) => response.end('{"keys":[]}')));
    expect(empty).toMatchObject({ state: "failed" });
  });
});
