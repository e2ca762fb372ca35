import { describe, expect, it } from "vitest";
import { readBundleParts } from "./bundle-parts.ts";

const read = (value: unknown) =>
  readBundleParts(Buffer.from(typeof value === "string" ? value : JSON.stringify(value)));

describe("readBundleParts", () => {
  it.each<[string, unknown]>([
    ["no JSON", "{"],
    ["nothing", {}],
    ["a key in place of a certificate", { verificationMaterial: { publicKey: { hint: "x" } } }],
    ["an empty chain", { verificationMaterial: { x509CertificateChain: { certificates: [] } } }],
    ["what is no base64", { verificationMaterial: { certificate: { rawBytes: "<>" } } }],
    ["what is no certificate", { verificationMaterial: { certificate: { rawBytes: "AAAA" } } }],
    ["a certificate too large", { verificationMaterial: { certificate: { rawBytes: "A".repeat(100_004) } } }],
  ])("takes none from %s", (_what, value) => expect(read(value)).toBeUndefined());
});
