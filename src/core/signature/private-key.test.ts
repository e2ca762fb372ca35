import { generateKeyPairSync } from "node:crypto";
import { describe, expect, it } from "vitest";
import { openBox, sealBox } from "./secretbox.ts";
import { openPrivateKey, publicPem, sealPrivateKey } from "./index.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(/\s/g, ""), "hex");

/** NaCl, tests/secretbox.c and its output. */
const known = {
  key: hex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389"),
  nonce: hex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37"),
  plain:
    hex(`be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb31
    0e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f93776384864
    5e0705`),
  box: hex(`f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c972
    71d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b3
    7973f622a43d14a6599b1f654cb45a74e355a5`),
};

describe("a box", () => {
  it("is what NaCl makes of the same key, nonce and bytes", () => {
    expect(sealBox(known.plain, known.nonce, known.key).toString("hex")).toBe(known.box.toString("hex"));
    expect(openBox(known.box, known.nonce, known.key)?.equals(known.plain)).toBe(true);
  });

  it("does not open once any byte of it is another", () => {
    for (let at = 0; at < known.box.length; at += 7) {
      const changed = Buffer.from(known.box);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(openBox(changed, known.nonce, known.key)).toBeUndefined();
    }
    expect(openBox(known.box.subarray(0, 15), known.nonce, known.key)).toBeUndefined();
  });
});

const fresh = { salt: Buffer.alloc(32, 1), nonce: Buffer.alloc(24, 2) };
const p256 = generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey;

describe("a sealed private key", () => {
  it.each([
    ["ECDSA P-256", p256],
    ["Ed25519", generateKeyPairSync("ed25519").privateKey],
  ])("of %s opens with its passphrase, and with no other", (_, key) => {
    const sealed = sealPrivateKey(key, "correct horse", fresh);
    const opened = openPrivateKey(sealed, "correct horse");
    expect(typeof opened === "string" ? opened : publicPem(opened)).toBe(publicPem(key));
    expect(openPrivateKey(sealed, "battery staple")).toBe("the passphrase does not open it");
    expect(sealed).not.toContain(key.export({ type: "pkcs8", format: "der" }).toString("base64"));
  });

  it("may be one of PKCS #8", () => {
    const sealed = p256.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "x" }).toString();
    const opened = openPrivateKey(sealed, "x");
    expect(typeof opened === "string" ? opened : publicPem(opened)).toBe(publicPem(p256));
    expect(openPrivateKey(sealed, "y")).toBe("the passphrase does not open it");
  });

  it("is refused where anybody could read it", () => {
    const plain = p256.export({ type: "pkcs8", format: "pem" }).toString();
    expect(openPrivateKey(plain, "")).toMatch(/not encrypted/);
  });

  it("is refused where it is of a kind that nobody would believe", () => {
    const p384 = generateKeyPairSync("ec", { namedCurve: "secp384r1" }).privateKey;
    expect(openPrivateKey(sealPrivateKey(p384, "x", fresh), "x")).toMatch(/no key of ECDSA P-256/);
  });

  const kdf = { name: "scrypt", params: { N: 65_536, r: 8, p: 1 }, salt: "AAAA" };
  const cipher = { name: "nacl/secretbox", nonce: Buffer.alloc(24).toString("base64") };
  const wrap = (value: unknown): string =>
    `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${Buffer.from(JSON.stringify(value)).toString("base64")}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n`;
  it.each([
    [
      "numbers that would take all memory",
      wrap({ kdf: { ...kdf, params: { N: 4_194_304, r: 4096, p: 1 } }, cipher, ciphertext: "" }),
    ],
    [
      "numbers that would take for ever",
      wrap({ kdf: { ...kdf, params: { N: 2, r: 1, p: 4_194_304 } }, cipher, ciphertext: "" }),
    ],
    [
      "numbers that scrypt has no use for",
      wrap({ kdf: { ...kdf, params: { N: 65_537, r: 8, p: 1 } }, cipher, ciphertext: "" }),
    ],
    ["another cipher", wrap({ kdf, cipher: { ...cipher, name: "rot13" }, ciphertext: "" })],
    ["a short nonce", wrap({ kdf, cipher: { ...cipher, nonce: "AAAA" }, ciphertext: "AAAA" })],
    ["an object for a text", wrap({ kdf: { ...kdf, salt: { length: { valueOf: 1 } } }, cipher, ciphertext: "" })],
    ["no JSON", "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----"],
    ["half of an envelope", "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----\nAAAA"],
    ["nothing", ""],
    ["too much", "x".repeat(100_000)],
  ])("with %s is refused at once", (_, pem) => {
    const began = performance.now();
    expect(openPrivateKey(pem, "x")).toEqual(expect.any(String));
    expect(performance.now() - began).toBeLessThan(2000);
  });
});
