import { createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { bundleFromJSON } from "@sigstore/bundle";
import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toSignedEntity, toTrustMaterial, Verifier } from "@sigstore/verify";
import { describe, expect, it } from "vitest";
import { formatStatement, predicateTypes } from "../../core/evidence/index.ts";
import { publicPem, readTrustedKey } from "../../core/signature/index.ts";
import { signStatement, type Signer } from "./index.ts";

function makeSigner(kind: "ec" | "ed25519"): Signer {
  const { privateKey } =
    kind === "ec" ? generateKeyPairSync("ec", { namedCurve: "prime256v1" }) : generateKeyPairSync("ed25519");
  const pem = publicPem(privateKey);
  const key = readTrustedKey(pem);
  if (typeof key === "string") throw new Error(key);
  return { key, pem, sign: (data) => Promise.resolve(sign(kind === "ec" ? "sha256" : null, data, privateKey)) };
}

/** Sigstore's own verifier, of a key that it is given and nothing else. */
function verify(bundle: string, { pem, key }: Signer): void {
  const hint = Buffer.from(key.fingerprint.slice(7), "hex").toString("base64");
  const trust = toTrustMaterial(
    TrustedRoot.fromJSON({ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1" }),
    (asked) => {
      expect(asked).toBe(hint);
      return { publicKey: createPublicKey(pem), validFor: () => true };
    },
  );
  const verifier = new Verifier(trust, { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 });
  verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(bundle))));
}

describe("a bundle", () => {
  const statement = formatStatement([{ name: "web", digest: `sha256:${"1".repeat(64)}` }], predicateTypes.scan, {
    a: 1,
  });

  it.each(["ec", "ed25519"] as const)("by %s is what Sigstore's own library verifies", async (kind) => {
    const signer = makeSigner(kind);
    verify(await signStatement(signer, statement), signer);
  });

  it.each([
    ["its statement is another", (text: string) => text.replace('"payload":"e', '"payload":"f')],
    ["its signature is another", (text: string) => text.replace(/"sig":"..../, '"sig":"AAAA')],
    ["its payload's type is another", (text: string) => text.replace("vnd.in-toto+json", "vnd.other+json")],
  ])("is refused there once %s", async (_, change) => {
    const signer = makeSigner("ec");
    const bundle = await signStatement(signer, statement);
    expect(change(bundle)).not.toBe(bundle);
    expect(() => verify(change(bundle), signer)).toThrow();
  });
});
