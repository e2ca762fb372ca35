import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createEvidence } from "../../create-evidence.ts";
import { makeKeys, rotateKeys } from "../../io/sign/index.ts";
import { diagnoseEvidence } from "./diagnose-evidence.ts";
import { testConfig } from "./testdata/test-fleet.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-doctor-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const look = (env: Record<string, string>, more = "") =>
  diagnoseEvidence(
    createEvidence(
      testConfig((text) => `${text}evidence: { key: mill.key${more} }\n`),
      folder,
      env,
    ),
  );

describe("what the doctor says of evidence", () => {
  const env = { TIDEMILL_KEY_PASSPHRASE: "secret" };

  it("is which key signs, and how many others count", async () => {
    await makeKeys(join(folder, "mill"), "ecdsa-p256", "secret");
    expect(await look(env)).toMatchObject([
      { state: "ok", message: expect.stringMatching(/^signed by the ECDSA key \w+$/) },
    ]);
    await rotateKeys(join(folder, "mill"), "ed25519", "secret");
    expect(await look(env)).toMatchObject([{ state: "ok", message: expect.stringMatching(/Ed25519.*1 other counts/) }]);
  });

  it("is nothing where nothing is signed", async () => expect(await diagnoseEvidence(undefined)).toEqual([]));

  it("is what is wrong, and what to do", async () => {
    expect(await look(env)).toMatchObject([
      { state: "failed", message: expect.stringMatching(/mill\.(?:key|pub) cannot be read/) },
    ]);
    await makeKeys(join(folder, "mill"), "ecdsa-p256", "secret");
    expect(await look({})).toMatchObject([
      { state: "failed", message: expect.stringContaining("TIDEMILL_KEY_PASSPHRASE is not set") },
    ]);
    expect(await look({ OTHER: "wrong" }, ", passphrase: OTHER")).toMatchObject([
      { state: "failed", message: expect.stringContaining("the passphrase does not open it") },
    ]);
    expect(await look(env, ", revoked: [mill.pub]")).toMatchObject([
      { state: "failed", message: expect.stringContaining("is revoked") },
    ]);
    expect(await look(env, ", trust: [none.pub]")).toMatchObject([
      { state: "failed", message: expect.stringContaining("none.pub cannot be read") },
    ]);
  });
});
