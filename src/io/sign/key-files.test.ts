import { verify } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listKeys, makeKeys, openSigner, passphraseOf, revokeKey, rotateKeys } from "./index.ts";

let folder: string;
let name: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-keys-"));
  name = join(folder, "sub", "mill");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("signing keys", () => {
  it.each(["ecdsa-p256", "ed25519"] as const)("of %s sign what their public half verifies", async (kind) => {
    const made = await makeKeys(name, kind, "secret");
    const signer = await openSigner(`${name}.key`, "secret");
    expect(signer.key.fingerprint).toBe(made.key.fingerprint);
    const data = Buffer.from("data");
    expect(verify(kind === "ed25519" ? null : "sha256", data, made.key.key, await signer.sign(data))).toBe(true);
  });

  it("are readable by their owner alone, and hold no secret in the open", async () => {
    await makeKeys(name, "ecdsa-p256", "secret");
    expect((await stat(`${name}.key`)).mode & 0o777).toBe(0o600);
    expect(await readFile(`${name}.key`, "utf8")).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----/);
  });

  it("are never written over", async () => {
    const { key } = await makeKeys(name, "ecdsa-p256", "secret");
    await expect(makeKeys(name, "ecdsa-p256", "secret")).rejects.toMatchObject({ code: "KEY_EXISTS" });
    expect((await listKeys(name))[0]?.key.fingerprint).toBe(key.fingerprint);
  });

  it("that are replaced leave their public half, and no private one", async () => {
    const first = await makeKeys(name, "ecdsa-p256", "secret");
    const second = await rotateKeys(name, "ed25519", "secret");
    expect((await stat(`${name}.key`)).mode & 0o777).toBe(0o600);
    expect((await listKeys(name)).map(({ state, key }) => [state, key.fingerprint])).toEqual([
      ["current", second.key.fingerprint],
      ["retired", first.key.fingerprint],
    ]);
    expect((await readdir(join(folder, "sub"))).filter((file) => file.endsWith(".key"))).toEqual(["mill.key"]);
    expect((await openSigner(`${name}.key`, "secret")).key.fingerprint).toBe(second.key.fingerprint);
  });

  it("are not replaced by whoever does not know the passphrase", async () => {
    const { key } = await makeKeys(name, "ecdsa-p256", "secret");
    await expect(rotateKeys(name, "ed25519", "guess")).rejects.toMatchObject({ code: "KEY_CLOSED" });
    expect((await listKeys(name)).map((one) => one.key.fingerprint)).toEqual([key.fingerprint]);
  });

  it("are revoked by how their fingerprint begins, unless they still sign", async () => {
    const { key: old } = await makeKeys(name, "ecdsa-p256", "secret");
    const start = old.fingerprint.slice(7, 19);
    await expect(revokeKey(name, start)).rejects.toThrow(/is the one that signs/);
    await rotateKeys(name, "ecdsa-p256", "secret");
    await revokeKey(name, start);
    await revokeKey(name, start);
    expect((await listKeys(name)).map(({ state }) => state)).toEqual(["current", "revoked"]);
    await expect(revokeKey(name, "ffffffff")).rejects.toThrow(/of 0 keys/);
    await expect(revokeKey(name, "")).rejects.toMatchObject({ code: "BAD_KEY" });
  });

  it("do not open without a passphrase, and say which variable lacks", () => {
    expect(() => passphraseOf({}, "OTHER")).toThrow(/OTHER is not set/);
    expect(() => passphraseOf({ TIDEMILL_KEY_PASSPHRASE: "" })).toThrow(/TIDEMILL_KEY_PASSPHRASE is not set/);
    expect(passphraseOf({ TIDEMILL_KEY_PASSPHRASE: "x" })).toBe("x");
  });

  it("beside which a file is no key are named with what is wrong", async () => {
    await makeKeys(name, "ecdsa-p256", "secret");
    await writeFile(`${name}-0123456789abcdef.pub`, "nonsense");
    await expect(listKeys(name)).rejects.toThrow(/mill-0123456789abcdef\.pub cannot be used: it is no public key/);
  });
});
