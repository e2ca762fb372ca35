import { describe, expect, it } from "vitest";
import type { Digest } from "../../lib/index.ts";
import { checkProvenance } from "./index.ts";
import {
  bundleType,
  makeEnvelope,
  makeKey,
  memorySignatures,
  type KeyPair,
  type Layer,
} from "./testdata/make-signature.ts";

const digest: Digest = `sha256:${"a".repeat(64)}`;
const other: Digest = `sha256:${"b".repeat(64)}`;
const [ours, theirs] = [makeKey("ecdsa"), makeKey("ecdsa")];
const builder = "https://github.com/actions/runner/github-hosted";
const v1 = { buildDefinition: {}, runDetails: { builder: { id: builder } } };
const types = { v1: "https://slsa.dev/provenance/v1", v02: "https://slsa.dev/provenance/v0.2" };

interface Made {
  readonly key?: KeyPair;
  readonly about?: Digest;
  readonly type?: string;
  readonly said?: string;
  readonly predicate?: unknown;
}

function bundle({ key = ours, about = digest, type = types.v1, said = type, predicate = v1 }: Made = {}): Layer {
  const dsseEnvelope = makeEnvelope(key, about, { predicateType: type, predicate });
  const bytes = Buffer.from(
    JSON.stringify({ mediaType: bundleType, verificationMaterial: { publicKey: { hint: "x" } }, dsseEnvelope }),
  );
  return { mediaType: bundleType, bytes, annotations: { "dev.sigstore.bundle.predicateType": said } };
}

const check = (layers: readonly Layer[], rule = builder, keys = [ours.pem]) =>
  checkProvenance(memorySignatures(digest, [], layers), digest, { kind: "key", keys }, { builder: rule });

describe("the provenance of a base", () => {
  it.each<[string, Layer, string]>([
    ["of SLSA 1.0", bundle(), builder],
    ["of SLSA 0.2", bundle({ type: types.v02, predicate: { builder: { id: builder } } }), builder],
    ["of a builder that begins so", bundle(), "https://github.com/*"],
  ])("%s by who signs it is believed", async (_, layer, rule) => {
    expect(await check([layer], rule)).toMatchObject({ kind: "verified", by: expect.stringMatching(/^ECDSA key/) });
  });

  it("under cosign's tag is believed as well", async () => {
    const envelope = makeEnvelope(ours, digest, { predicateType: types.v1, predicate: v1 });
    const layer = {
      mediaType: "application/vnd.dsse.envelope.v1+json",
      bytes: Buffer.from(JSON.stringify(envelope)),
      annotations: { predicateType: types.v1 },
    };
    const source = memorySignatures(digest, [layer], [], undefined, ".att");
    expect(await checkProvenance(source, digest, { kind: "key", keys: [ours.pem] }, { builder })).toMatchObject({
      kind: "verified",
    });
  });

  it.each<[string, readonly Layer[], RegExp]>([
    ["there is none", [], /it has none/],
    ["somebody else signed it", [bundle({ key: theirs })], /not by a key that is trusted/],
    ["it is of another digest", [bundle({ about: other })], /it is of another digest/],
    [
      "somebody else built it",
      [bundle({ predicate: { runDetails: { builder: { id: `${builder}-not` } } } })],
      /it was built by .*-not/,
    ],
    [
      "the statement is another than is written on it",
      [bundle({ type: "https://example.invalid/x", said: types.v1 })],
      /it is no provenance/,
    ],
    ["it names no builder", [bundle({ predicate: { runDetails: {} } })], /names no builder/],
    ["it is nothing", [bundle({ predicate: null })], /names no builder/],
    [
      "its builder is an object that turns into nothing",
      [bundle({ predicate: { runDetails: { builder: { id: { length: { valueOf: 1 } } } } } })],
      /names no builder/,
    ],
    ["it is no bundle", [{ ...bundle(), bytes: Buffer.from("nonsense") }], /no in-toto statement/],
  ])("is refused where %s", async (_, layers, words) => {
    expect(await check(layers)).toMatchObject({ kind: "refused", reason: expect.stringMatching(words) });
  });

  it("needs one good statement, whatever else lies there", async () => {
    expect(await check([bundle({ key: theirs }), bundle({ about: other }), bundle()])).toMatchObject({
      kind: "verified",
    });
  });

  it("is not asked with a key that is none", async () => {
    await expect(check([bundle()], builder, ["none"])).rejects.toMatchObject({ code: "BAD_KEY" });
  });
});
