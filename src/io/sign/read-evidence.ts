import { kindOfPredicate, type EvidenceKind } from "../../core/evidence/index.ts";
import { readStatement, type TrustedSigner } from "../../core/signature/index.ts";
import { printable, sha256, type Digest } from "../../lib/index.ts";
import { createSignerFinder } from "./find-signer.ts";
import { describeAttestation } from "./read-signed-vex.ts";
import { bundlePrefix, predicateOf, readBeside, type SignatureSource, type Wanted } from "./read-beside.ts";

/** A statement that stands beside an image and that a key signed; whether that key is believed is another question. */
export interface FoundEvidence {
  readonly kind: EvidenceKind;
  readonly predicateType: string;
  readonly predicate: unknown;
  /** Which of the digests that were asked for it is about. */
  readonly subjects: readonly Digest[];
  /** Who signed it. */
  readonly by: TrustedSigner;
  /** The attestation's bytes, and their digest. */
  readonly bytes: Uint8Array;
  readonly attestation: Digest;
}

/** Something beside an image that does not count, and why, as a sentence's end. */
export interface RefusedEvidence {
  /** What it says to be; undefined where it does not say. */
  readonly kind: EvidenceKind | undefined;
  readonly reason: string;
}

export interface EvidenceBeside {
  readonly found: readonly FoundEvidence[];
  readonly refused: readonly RefusedEvidence[];
  /** What was left unread, one sentence each. */
  readonly problems: readonly string[];
}

const envelopeType = "application/vnd.dsse.envelope.v1+json";
const maxAttestation = 33_554_432;
const maxStatement = 24_000_000;
const wanted: Wanted = {
  what: "evidence",
  suffix: ".att",
  artifactTypes: new Set([
    "application/vnd.dev.cosign.artifact.att.v1+json",
    envelopeType,
    "application/vnd.in-toto+json",
  ]),
  limitOf: ({ mediaType }) => (mediaType === envelopeType || mediaType.startsWith(bundlePrefix) ? maxAttestation : 0),
  ofPredicate: (type) => kindOfPredicate(type) !== undefined,
  mostArtifacts: 500,
  total: 8 * maxAttestation,
};

/**
 * The signed statements beside `digest` that are of our kinds, by any of `signers`, the first of them that did: in Sigstore bundles and in cosign's attestations. No network but the source. What is by nobody of them, or of another digest than
 * `digests`, is refused with why. Throws BAD_ROOT and BAD_IDENTITY for an identity that cannot be used, and what the source throws for a registry that fails.
 */
export async function readEvidence(
  source: SignatureSource,
  digest: Digest,
  digests: readonly Digest[],
  signers: readonly TrustedSigner[],
  signal?: AbortSignal,
): Promise<EvidenceBeside> {
  const findSigner = await createSignerFinder(signers, maxStatement);
  const beside = await readBeside(source, digest, wanted, signal);
  const found = new Map<Digest, FoundEvidence>();
  const refused: RefusedEvidence[] = [];
  for (const { layer, bytes } of beside.layers) {
    const said = predicateOf(layer);
    const kind = said === undefined ? undefined : kindOfPredicate(said);
    const signed = findSigner(describeAttestation(layer, bytes));
    if (signed.kind === "refused") {
      refused.push({ kind, reason: signed.reason });
      continue;
    }
    const statement = readStatement(signed.payload, digests);
    if (typeof statement === "string") {
      refused.push({ kind, reason: statement });
      continue;
    }
    const meant = kindOfPredicate(statement.predicateType);
    if (meant === undefined) continue;
    const attestation = sha256(bytes);
    found.set(attestation, { ...statement, kind: meant, by: signed.by, bytes, attestation });
  }
  return { found: [...found.values()], refused, problems: beside.problems.map((one) => printable(one.slice(0, 500))) };
}
