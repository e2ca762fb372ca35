import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sha256 } from "../../lib/index.ts";
import { readSignedVex } from "./index.ts";
import { makeSigstore } from "./testdata/make-identity.ts";
import {
  bundleType,
  makeBundle,
  makeEnvelope,
  makeKey,
  memorySignatures,
  type KeyPair,
  type Layer,
} from "./testdata/make-signature.ts";

const digest = sha256("an image");
const other = sha256("another image");
const [ours, theirs] = [makeKey("ecdsa"), makeKey("ecdsa")];
const byKey = (...keys: KeyPair[]) => ({ kind: "key", keys: keys.map(({ pem }) => pem) }) as const;
const predicateType = "https://openvex.dev/ns";
const predicate = { "@context": "https://openvex.dev/ns/v0.2.0", author: "them", statements: [] };
const envelopeType = "application/vnd.dsse.envelope.v1+json";

function attested(key: KeyPair, of = digest, more: { type?: string; says?: string } = {}): Layer {
  const { type = predicateType, says } = more;
  const bytes = Buffer.from(JSON.stringify(makeEnvelope(key, of, { predicateType: type, predicate })));
  return { mediaType: envelopeType, bytes, ...(says === undefined ? {} : { annotations: { predicateType: says } }) };
}
const inTag = (layers: readonly Layer[]) => memorySignatures(digest, layers, [], undefined, ".att");
const inBundle = (bytes: Buffer, annotations: Record<string, string> = {}) =>
  memorySignatures(digest, [], [{ mediaType: bundleType, bytes, annotations }]);

describe("readSignedVex", () => {
  it("takes what a trusted key signed about the image, from cosign's tag and from a bundle", async () => {
    const tagged = await readSignedVex(inTag([attested(ours)]), [digest], byKey(theirs, ours));
    expect(tagged).toMatchObject({
      found: [{ value: { predicate }, by: expect.stringMatching(/^ECDSA key/) }],
      problems: [],
    });
    const bundle = makeBundle(ours, digest, { predicateType, predicate });
    const bundled = await readSignedVex(inBundle(bundle), [digest], byKey(ours));
    expect(bundled.found).toMatchObject([{ value: { predicate }, attestation: sha256(bundle) }]);
  });

  it("takes one that is about a platform of the image, where it stands beside the image", async () => {
    const { found } = await readSignedVex(inTag([attested(ours, other)]), [digest, other], byKey(ours));
    expect(found).toHaveLength(1);
  });

  it.each<[string, Layer, string]>([
    ["another key's", attested(theirs, digest, { says: predicateType }), "not by a key"],
    ["one of another digest", attested(ours, other), "another digest"],
    [
      "an envelope whose payload was changed",
      {
        mediaType: envelopeType,
        bytes: Buffer.from(
          JSON.stringify({
            ...makeEnvelope(ours, other, { predicateType, predicate }),
            payload: makeEnvelope(ours, digest, { predicateType, predicate }).payload,
          }),
        ),
        annotations: { predicateType },
      },
      "not by a key",
    ],
    [
      "an envelope that is none",
      { mediaType: envelopeType, bytes: Buffer.from("{"), annotations: { predicateType } },
      "no in-toto statement",
    ],
    [
      "an envelope that turns into no value",
      {
        mediaType: envelopeType,
        bytes: Buffer.from('{"payload":{"length":{"toString":1,"valueOf":1}},"signatures":[]}'),
        annotations: { predicateType },
      },
      "no in-toto statement",
    ],
  ])("leaves out %s, and says why", async (_, layer, reason) => {
    const { found, problems } = await readSignedVex(inTag([layer]), [digest], byKey(ours));
    expect(found).toEqual([]);
    expect(problems).toEqual([expect.stringContaining(reason)]);
  });

  it("passes by attestations of other things, whoever signed them", async () => {
    const provenance = "https://slsa.dev/provenance/v1";
    const layers = [
      attested(ours, digest, { type: provenance }),
      attested(theirs),
      attested(theirs, digest, { type: provenance, says: provenance }),
    ];
    expect(await readSignedVex(inTag(layers), [digest], byKey(ours))).toEqual({ found: [], problems: [] });
  });

  it("stops at its limits", async () => {
    const huge: Layer = { mediaType: envelopeType, bytes: Buffer.alloc(9_000_000, 32) };
    const { found, problems } = await readSignedVex(inTag([huge, attested(ours)]), [digest], byKey(ours));
    expect(found).toEqual([]);
    expect(problems).toEqual([expect.stringContaining("more of it than is read")]);
    const many = Array.from({ length: 500 }, (_, at) => attested(theirs, sha256(`${at}`)));
    expect((await readSignedVex(inTag(many), [digest], byKey(ours))).found).toEqual([]);
  });

  it("believes an identity, by an envelope in cosign's tag and by a bundle, and no other one", async () => {
    const sigstore = await makeSigstore();
    try {
      const [issuer, subject] = ["https://issuer.example", "release@example.org"];
      const policy = { kind: "identity", issuer, subject, trustedRoot: sigstore.trustedRoot } as const;
      const key = makeKey("ecdsa");
      const at = Math.floor(Date.now() / 1000) + 5;
      const envelope = makeEnvelope(key, digest, { predicateType, predicate });
      for (const [who, count] of [
        [subject, 1],
        ["other@example.org", 0],
      ] as const) {
        const certificate = await sigstore.certify(key, who, issuer);
        const bundle = sigstore.bundle(envelope, certificate, at);
        const bundled = await readSignedVex(memorySignatures(digest, [], [bundle]), [digest], policy);
        expect(bundled.found).toHaveLength(count);
        const tagged = await readSignedVex(inTag([sigstore.envelope(envelope, certificate, at)]), [digest], policy);
        expect(tagged.found).toHaveLength(count);
      }
      const unlogged = await readSignedVex(inTag([attested(key, digest, { says: predicateType })]), [digest], policy);
      expect(unlogged).toMatchObject({ found: [], problems: [expect.stringContaining("no certificate")] });
    } finally {
      await sigstore.remove();
    }
  });

  it("never throws over other people's bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.constantFrom("bundle", "tag"), async (bytes, place) => {
        const layer = { mediaType: place === "tag" ? envelopeType : bundleType, bytes: Buffer.from(bytes) };
        const source = place === "tag" ? inTag([layer]) : memorySignatures(digest, [], [layer]);
        expect((await readSignedVex(source, [digest], byKey(ours))).found).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
