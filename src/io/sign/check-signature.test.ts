import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { verifyBundleWithKey, verifySimpleSigning, readTrustedKey } from "../../core/signature/index.ts";
import { checkSignature } from "./index.ts";
import {
  bundleType,
  makeBundle,
  makeKey,
  makePayload,
  memorySignatures,
  signBytes,
  simpleSigning,
  type KeyPair,
  type Layer,
} from "./testdata/make-signature.ts";

const digest = sha256("an image");
const [ours, theirs] = [makeKey("ecdsa"), makeKey("ecdsa")];
const byKey = (...keys: KeyPair[]) => ({ kind: "key", keys: keys.map(({ pem }) => pem) }) as const;

function signed(payload: Buffer, key = ours, signature = signBytes(key, payload)): Layer {
  return { mediaType: simpleSigning, bytes: payload, annotations: { "dev.cosignproject.cosign/signature": signature } };
}

describe("checkSignature with a key", () => {
  it.each(["ecdsa", "ed25519", "rsa"] as const)("believes what a key of %s signed", async (kind) => {
    const key = makeKey(kind);
    const source = memorySignatures(digest, [signed(makePayload(digest), key)]);
    expect(await checkSignature(source, digest, byKey(theirs, key))).toMatchObject({
      kind: "verified",
      by: expect.stringMatching(/ key [0-9a-f]{16}$/),
    });
    const bundles = memorySignatures(digest, [], [{ mediaType: bundleType, bytes: makeBundle(key, digest) }]);
    expect(await checkSignature(bundles, digest, byKey(key))).toMatchObject({ kind: "verified" });
  });

  const payload = makePayload(digest);
  const changed = Buffer.from(payload);
  changed[20] = (changed[20] ?? 0) ^ 1;
  it.each<[string, readonly Layer[], string]>([
    ["nothing", [], "it has no signature"],
    ["a changed byte", [signed(changed, ours, signBytes(ours, payload))], "not by a key"],
    ["another key", [signed(payload, theirs)], "not by a key"],
    ["another digest", [signed(makePayload(sha256("another image")))], "another digest"],
    ["another repository", [signed(makePayload(digest, "registry.example/other"))], "another repository"],
    ["another registry", [signed(makePayload(digest, "other.example/app"))], "another repository"],
    ["no repository at all", [signed(makePayload(digest, "///"))], "another repository"],
    ["another type", [signed(makePayload(digest, undefined, "cosign blob signature"))], "another type"],
    ["a signature that is no base64", [signed(payload, ours, "!!!!")], "base64"],
    ["an empty signature", [signed(payload, ours, "")], "not by a key"],
    ["a payload that is no JSON", [signed(Buffer.from("{"))], "none of simple signing"],
    ["a huge payload", [signed(Buffer.alloc(100_000, 32))], "more of it than is read"],
    ["a thousand signatures by another", Array.from({ length: 1000 }, () => signed(payload, theirs)), "not by a key"],
    ["other layers", [{ mediaType: "text/plain", bytes: payload }], "it has no signature"],
  ])("refuses %s", async (_, layers, reason) => {
    const verdict = await checkSignature(memorySignatures(digest, layers), digest, byKey(ours));
    expect(verdict).toMatchObject({ kind: "refused", reason: expect.stringContaining(reason) });
  });

  it.each([
    ["another digest", makeBundle(ours, sha256("x")), "another digest"],
    ["another key", makeBundle(theirs, digest), "not by a key"],
    [
      "provenance, which is no signature of the image",
      makeBundle(ours, digest, { predicateType: "https://slsa.dev/provenance/v1" }),
      "something else",
    ],
    ["another type of payload", makeBundle(ours, digest, { payloadType: "text/plain" }), "no bundle"],
    ["garbage", Buffer.from("\u0000\u0001"), "no bundle"],
  ])("refuses a bundle of %s", async (_, bytes, reason) => {
    const source = memorySignatures(digest, [], [{ mediaType: bundleType, bytes }]);
    expect(await checkSignature(source, digest, byKey(ours))).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining(reason),
    });
  });

  it("takes one good signature, whatever stands beside it", async () => {
    const source = memorySignatures(digest, [signed(payload, theirs), signed(Buffer.from("{")), signed(payload)]);
    expect(await checkSignature(source, digest, byKey(ours))).toMatchObject({ kind: "verified" });
  });

  it("takes the name of what a mirror is a mirror of, and docker.io in every spelling", async () => {
    const layers = [signed(makePayload(digest, "index.docker.io/library/debian"))];
    const source = memorySignatures(digest, layers, [], "mirror.example/debian");
    expect(await checkSignature(source, digest, byKey(ours))).toMatchObject({ kind: "refused" });
    expect(await checkSignature(source, digest, { ...byKey(ours), signedAs: ["debian"] })).toMatchObject({
      kind: "verified",
    });
  });

  it("refuses keys that are too weak, or none, by name", async () => {
    const source = memorySignatures(digest, []);
    for (const keys of [
      [],
      ["no key"],
      [makeKey("rsa1024").pem],
      [makeKey("p384").pem],
      ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"],
    ])
      await expect(checkSignature(source, digest, { kind: "key", keys })).rejects.toMatchObject({ code: "BAD_KEY" });
    const secret = ours.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    await expect(checkSignature(source, digest, { kind: "key", keys: [secret] })).rejects.toMatchObject({
      code: "BAD_KEY",
    });
  });

  it("throws for nothing that lies in a repository", () => {
    const key = readTrustedKey(ours.pem);
    if (typeof key === "string") throw new Error(key);
    const image = { digest, names: ["registry.example/app"] };
    fc.assert(
      fc.property(fc.uint8Array(), fc.string(), (bytes, text) => {
        expect(verifySimpleSigning(bytes, text, [key], image).kind).toBe("refused");
        expect(verifyBundleWithKey(bytes, [key], image).kind).toBe("refused");
      }),
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const bytes = Buffer.from(JSON.stringify(value));
        expect(verifySimpleSigning(bytes, signBytes(ours, bytes), [key], image).kind).toBe("refused");
        expect(
          verifyBundleWithKey(Buffer.from(JSON.stringify({ mediaType: bundleType, dsseEnvelope: value })), [key], image)
            .kind,
        ).toBe("refused");
      }),
      { numRuns: 200 },
    );
  });
});
