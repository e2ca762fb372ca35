import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate, missingOpenssl } from "../../../test/make-certificate.ts";
import { needs } from "../../../test/needs.ts";
import { manualClock } from "../../lib/index.ts";
import { diagnoseAccess } from "./diagnose-access.ts";

let home = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "tidemill-certificate-"));
  if (missingOpenssl !== undefined) return;
  await makeCertificate({ cert: join(home, "cert.pem"), key: join(home, "key.pem") }, { days: 30 });
});
afterAll(() => rm(home, { recursive: true, force: true }));

const server = (cert: string) => ({ tls: { cert, key: "key.pem" } });
const inDays = (days: number) => manualClock(Date.now() + days * 86_400_000);

describe("diagnoseAccess", () => {
  it("has nothing to say of a server that shows none", async () => {
    expect(await diagnoseAccess({}, home, inDays(0))).toEqual([]);
  });

  needs(missingOpenssl)("says how long a certificate is good, and warns two weeks before", async () => {
    const states = async (days: number) => (await diagnoseAccess(server("cert.pem"), home, inDays(days)))[0]?.state;
    expect([await states(0), await states(20), await states(31)]).toEqual(["ok", "warning", "failed"]);
  });

  it("names a file that is not there", async () => {
    expect(await diagnoseAccess(server("none.pem"), home, inDays(0))).toMatchObject([
      { state: "failed", message: expect.stringContaining("none.pem cannot be read") as string },
    ]);
  });
});
