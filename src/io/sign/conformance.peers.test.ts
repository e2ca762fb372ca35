import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect } from "vitest";
import { checkOutCommit } from "../../../test/git-checkout.ts";
import { wants } from "../../../test/needs.ts";
import { parseJson, readStatement, readTrustedKey } from "../../core/signature/index.ts";
import { sha256 } from "../../lib/index.ts";
import { readBundle } from "./read-bundle.ts";
import { createIdentityBundleVerifier, createLoggedKeyVerifier } from "./verify-bundle.ts";

/** Sigstore's own suite for clients, at one commit, so that a run today and a run next year ask the same. */
const suite = await checkOutCommit(
  "github.com/sigstore/sigstore-conformance",
  "a73de4970176d258e0154c530b89d20b89444e4d",
);
const require = createRequire(import.meta.url);
const cases = suite.missing === undefined ? readCases(join(suite.path, "test/assets/bundle-verify")) : [];

/** What the suite takes where a case names nothing of its own; its test/client.py. */
const usual = {
  identity:
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main",
  issuer: "https://token.actions.githubusercontent.com",
};

describe("the bundles of Sigstore's conformance suite", () => {
  const it = wants(suite.missing);

  it("are all there", () => {
    expect(cases.filter(({ name }) => name.endsWith("_fail"))).toHaveLength(49);
    expect(cases).toHaveLength(70);
  });

  for (const { name, folder } of cases)
    it(`${name.endsWith("_fail") ? "refused" : "believed"}: ${name}`, () => {
      const reason = verifyCase(folder);
      if (name.endsWith("_fail")) expect(reason).toMatch(/./);
      else expect(reason).toBeUndefined();
    });
});

function readCases(root: string): { name: string; folder: string }[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => ({ name, folder: join(root, name) }));
}

/** Why a case is refused; undefined where it is believed. */
function verifyCase(folder: string): string | undefined {
  const bytes = readFileSync(join(folder, "bundle.sigstore.json"));
  const artifact = readOwn(folder, "artifact") ?? readFileSync(join(folder, "../a.txt"));
  const trustedRoot = (readOwn(folder, "trusted_root.json") ?? publicRoot()).toString();
  const key = readOwn(folder, "key.pub");
  const read = () => readBundle(bytes);
  try {
    const verify =
      key === undefined
        ? createIdentityBundleVerifier({
            kind: "identity",
            subject: readOwn(folder, "identity")?.toString().trim() ?? usual.identity,
            issuer: readOwn(folder, "issuer")?.toString().trim() ?? usual.issuer,
            trustedRoot,
          })
        : createLoggedKeyVerifier({ keys: [keyOf(key)], trustedRoot });
    const hasStatement = Object.hasOwn(parseJson(bytes) ?? {}, "dsseEnvelope");
    const verdict = verify(read, hasStatement ? undefined : artifact);
    if (verdict.kind === "refused") return verdict.reason;
    if (!hasStatement) return undefined;
    const statement = readStatement(verdict.payload, [sha256(artifact)]);
    return typeof statement === "string" ? statement : undefined;
  } catch (error) {
    return String(error);
  }
}

function keyOf(pem: Buffer) {
  const key = readTrustedKey(pem.toString());
  if (typeof key === "string") throw new Error(key);
  return key;
}

function readOwn(folder: string, name: string): Buffer | undefined {
  try {
    return readFileSync(join(folder, name));
  } catch {
    return undefined;
  }
}

/** The trusted root of the public instance, as its TUF client ships it. */
function publicRoot(): Buffer {
  const seeds = require("@sigstore/tuf/seeds.json") as Record<string, { targets: Record<string, string> }>;
  const [{ targets } = { targets: {} as Record<string, string> }] = Object.values(seeds);
  return Buffer.from(targets["trusted_root.json"] ?? "", "base64");
}
