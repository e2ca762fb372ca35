import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import type { SignaturePolicy } from "../../core/signature/index.ts";
import { sha256 } from "../../lib/index.ts";
import { checkSignature } from "./index.ts";
import { makeSigstore, type MadeSigstore } from "./testdata/make-identity.ts";
import {
  bundleType,
  makeBundle,
  makeEnvelope,
  makeKey,
  makePayload,
  memorySignatures,
  type Layer,
} from "./testdata/make-signature.ts";

const missing = await promisify(execFile)("openssl", ["version"]).then(
  () => undefined,
  () => "openssl, which is not installed",
);
const digest = sha256("an image");
const [subject, issuer] = ["release@example.org", "https://issuer.example"];
const key = makeKey("ecdsa");
const payload = makePayload(digest);
const now = Math.floor(Date.now() / 1000) + 5;

let sigstore: MadeSigstore;
let other: MadeSigstore;
let certificate: string;
beforeAll(async () => {
  if (missing !== undefined) return;
  [sigstore, other] = await Promise.all([makeSigstore(), makeSigstore()]);
  certificate = await sigstore.certify(key, subject, issuer);
});
afterAll(() => Promise.all([sigstore, other].map((one) => one?.remove())));

const policy = (more: Partial<Extract<SignaturePolicy, { kind: "identity" }>> = {}): SignaturePolicy => ({
  kind: "identity",
  issuer,
  subject,
  trustedRoot: sigstore.trustedRoot,
  ...more,
});
const check = (layer: Layer, by = policy()) => checkSignature(memorySignatures(digest, [layer]), digest, by);

describe("checkSignature with an identity", () => {
  const it = needs(missing);

  it("believes what the holder of the identity signed, without any network", async () => {
    expect(await check(sigstore.enter(payload, key, certificate, now))).toEqual({ kind: "verified", by: subject });
  });

  it("takes an address as an identity too", async () => {
    const uri = "https://forge.example/team/app/.workflows/release@refs/heads/main";
    const forKey = await sigstore.certify(key, uri, issuer);
    const layer = sigstore.enter(payload, key, forKey, now);
    expect(await check(layer, policy({ subject: uri }))).toEqual({ kind: "verified", by: uri });
    expect(await check(layer, policy({ subject: "https://forge.example/.*" }))).toMatchObject({ kind: "refused" });
  });

  it("refuses everything that is not quite that", async () => {
    const good = sigstore.enter(payload, key, certificate, now);
    const reasonOf = async (layer: Layer, by = policy()): Promise<string> => {
      const verdict = await check(layer, by);
      return verdict.kind === "refused" ? verdict.reason : "it was verified";
    };
    expect(await reasonOf(good, policy({ subject: "someone@example.org" }))).toContain("it is by release@example.org");
    expect(await reasonOf(good, policy({ subject: "release@example" }))).toContain("it is by");
    expect(await reasonOf(good, policy({ issuer: "https://other.example" }))).toContain("of https://issuer.example");
    expect(await reasonOf(good, policy({ trustedRoot: other.trustedRoot }))).toContain("cannot be verified");
    const elsewhere = await other.certify(key, subject, issuer);
    expect(await reasonOf(sigstore.enter(payload, key, elsewhere, now))).toContain("cannot be verified");
    expect(await reasonOf(sigstore.enter(payload, makeKey("ecdsa"), certificate, now))).toContain("cannot be verified");
    expect(await reasonOf(sigstore.enter(makePayload(sha256("x")), key, certificate, now))).toContain("another digest");
    expect(await reasonOf(sigstore.enter(makePayload(digest, "registry.example/b"), key, certificate, now))).toContain(
      "another repository",
    );
    expect(await reasonOf({ ...good, bytes: Buffer.concat([payload, Buffer.from(" ")]) })).toContain(
      "cannot be verified",
    );
    // Signed before, or after, the certificate was good.
    expect(await reasonOf(sigstore.enter(payload, key, certificate, now - 86_400 * 365))).toContain(
      "cannot be verified",
    );
    expect(await reasonOf(sigstore.enter(payload, key, certificate, now + 86_400 * 3))).toContain("cannot be verified");
  });

  it("refuses a log that promised something else, or nothing", async () => {
    const altered = [
      sigstore.enter(payload, key, certificate, now, (entry) => ({
        ...entry,
        Payload: { ...entry.Payload, integratedTime: now + 1 },
      })),
      sigstore.enter(payload, key, certificate, now, (entry) => ({ ...entry, SignedEntryTimestamp: "AAAA" })),
      sigstore.enter(payload, key, certificate, now, (entry) => ({
        ...entry,
        Payload: { ...entry.Payload, logID: "0".repeat(64) },
      })),
      sigstore.enter(payload, key, certificate, now, (entry) => ({
        ...entry,
        Payload: { ...entry.Payload, body: Buffer.from("{}").toString("base64") },
      })),
      other.enter(payload, key, certificate, now),
    ];
    for (const layer of altered) expect(await check(layer)).toMatchObject({ kind: "refused" });
    const good = sigstore.enter(payload, key, certificate, now);
    for (const name of Object.keys(good.annotations ?? {})) {
      const without = Object.fromEntries(Object.entries(good.annotations ?? {}).filter(([each]) => each !== name));
      expect(await check({ ...good, annotations: without })).toMatchObject({ kind: "refused" });
      expect(await check({ ...good, annotations: { ...good.annotations, [name]: "garbage\u0000" } })).toMatchObject({
        kind: "refused",
      });
    }
  });

  it("believes the statement in a bundle, if it is of this digest and says that it was signed", async () => {
    const checkBundle = (layer: Layer, by = policy()) =>
      checkSignature(memorySignatures(digest, [], [layer]), digest, by);
    const good = sigstore.bundle(makeEnvelope(key, digest), certificate, now);
    expect(await checkBundle(good)).toEqual({ kind: "verified", by: subject });
    expect(await checkBundle(good, policy({ subject: "someone@example.org" }))).toMatchObject({ kind: "refused" });
    const provenance = makeEnvelope(key, digest, { predicateType: "https://slsa.dev/provenance/v1" });
    for (const [envelope, at, reason] of [
      [makeEnvelope(key, sha256("x")), now, "another digest"],
      [provenance, now, "about something else"],
      [makeEnvelope(key, digest, { payloadType: "text/plain" }), now, "no bundle with an in-toto statement"],
      [makeEnvelope(makeKey("ecdsa"), digest), now, "cannot be verified"],
      [makeEnvelope(key, digest), now - 86_400 * 365, "cannot be verified"],
    ] as const)
      expect(await checkBundle(sigstore.bundle(envelope, certificate, at))).toMatchObject({
        kind: "refused",
        reason: expect.stringContaining(reason),
      });
    // The envelope of one, in the log entry of another.
    const swapped = JSON.parse(good.bytes.toString()) as { dsseEnvelope: unknown };
    swapped.dsseEnvelope = makeEnvelope(key, digest);
    expect(await checkBundle({ ...good, bytes: Buffer.from(JSON.stringify(swapped)) })).toMatchObject({
      kind: "refused",
    });
  });

  it("refuses bundles that name a key, or nothing that can be read", async () => {
    for (const bytes of [
      makeBundle(key, digest),
      Buffer.from("{}"),
      Buffer.from("[1]"),
      Buffer.from("no JSON"),
      Buffer.from('{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}'),
    ]) {
      const source = memorySignatures(digest, [], [{ mediaType: bundleType, bytes }]);
      expect(await checkSignature(source, digest, policy())).toMatchObject({ kind: "refused" });
    }
  });

  it("says that a trusted root cannot be used", async () => {
    for (const trustedRoot of ["", "{}", "[]", '{"certificateAuthorities":"x"}', "x".repeat(2_000_000)])
      await expect(
        check(sigstore.enter(payload, key, certificate, now), policy({ trustedRoot })),
      ).rejects.toMatchObject({ code: "BAD_ROOT" });
  });
});
