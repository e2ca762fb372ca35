import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateKeyPairSync, verify } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publicPem } from "../../core/signature/index.ts";
import { openProgramSigner } from "./index.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-program-"));
  for (const kind of ["ec", "ed25519"] as const) {
    const pair =
      kind === "ec" ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }) : generateKeyPairSync("ed25519");
    await writeFile(join(folder, `${kind}.pub`), publicPem(pair.privateKey));
    await writeFile(join(folder, `${kind}.pem`), pair.privateKey.export({ type: "pkcs8", format: "pem" }));
  }
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const signerOf = (script: string, kind = "ec", timeoutMs = 10_000) =>
  openProgramSigner({
    command: ["sh", "-c", script],
    publicKey: join(folder, `${kind}.pub`),
    env: { KEYS: folder },
    timeoutMs,
  });
const data = Buffer.from("what is signed");

describe("a program that signs", () => {
  it.each([
    ["ec", "openssl dgst -sha256 -sign $KEYS/ec.pem $TIDEMILL_SIGN_FILE | base64"],
    [
      "ec",
      '[ "$(sha256sum < $TIDEMILL_SIGN_FILE | cut -c 1-64)" = $TIDEMILL_SIGN_SHA256 ] && openssl dgst -sha256 -sign $KEYS/ec.pem $TIDEMILL_SIGN_FILE | base64',
    ],
    ["ed25519", "openssl pkeyutl -sign -rawin -inkey $KEYS/ed25519.pem -in $TIDEMILL_SIGN_FILE | base64 -w0"],
  ])("by %s is believed: %s", async (kind, script) => {
    const signer = await signerOf(script, kind);
    expect(verify(kind === "ec" ? "sha256" : null, data, signer.key.key, await signer.sign(data))).toBe(true);
    expect(signer.pem).toBe(await readFile(join(folder, `${kind}.pub`), "utf8"));
  });

  it.each([
    [
      "of another key",
      "openssl pkeyutl -sign -rawin -inkey $KEYS/ed25519.pem -in $TIDEMILL_SIGN_FILE | base64",
      /no signature by ECDSA key/,
      false,
    ],
    ["of nothing", "true", /is not base64/, false],
    ["that is no base64", "echo '{}'", /is not base64/, false],
    ["without end", "yes AAAA", /is not base64|did not end/, undefined],
    ["after a failure", "echo the token is away >&2; exit 3", /ended with 3: the token is away/, true],
    ["that never comes", "sleep 60", /did not end in 1 s/, true],
  ])("gives no signature %s", async (_, script, words, retry) => {
    const signer = await signerOf(script, "ec", 1000);
    const thrown: unknown = await signer.sign(data).catch((error: unknown) => error);
    expect(thrown).toMatchObject({
      code: "SIGN_FAILED",
      message: expect.stringMatching(words),
      ...(retry === undefined ? {} : { retry }),
    });
  });

  it("that is not there, or without a public key, says so", async () => {
    const none = await openProgramSigner({
      command: [join(folder, "none")],
      publicKey: join(folder, "ec.pub"),
      env: {},
      timeoutMs: 1000,
    });
    await expect(none.sign(data)).rejects.toThrow(/cannot be started/);
    await expect(signerOf("true", "none")).rejects.toMatchObject({ code: "KEY_CLOSED" });
  });
});
