import type { Descriptor } from "../../core/image/index.ts";
import {
  readEnvelope,
  readVexStatement,
  refuseIdentity,
  signerOf,
  type SignaturePolicy,
  type TrustedKey,
} from "../../core/signature/index.ts";
import { printable, sha256, type Digest } from "../../lib/index.ts";
import { readKeys } from "./check-signature.ts";
import { bundlePrefix, predicateOf, readBeside, type SignatureSource, type Wanted } from "./read-beside.ts";

/** An attestation as it was found: nothing of it is believed yet. */
export interface FoundAttestation {
  readonly kind: "bundle" | "envelope";
  readonly bytes: Uint8Array;
  /** PEM; what cosign puts beside envelopes that an identity signed. */
  readonly certificate: string | undefined;
  /** JSON: the log's promise. */
  readonly rekor: string | undefined;
}

/** Who signed an attestation, and its statement's bytes; or why it does not count. */
export type AttestationVerdict =
  | { readonly kind: "verified"; readonly by: string; readonly payload: Uint8Array }
  | { readonly kind: "refused"; readonly reason: string };

/** A VEX statement that counts, in its in-toto statement. */
export interface SignedVex {
  readonly value: unknown;
  /** Who signed it. */
  readonly by: string;
  /** Of the attestation's bytes. */
  readonly attestation: Digest;
}

const envelopeType = "application/vnd.dsse.envelope.v1+json";
const maxAttestation = 8_388_608;
const maxStatement = 6_000_000;
/** What is read of attestations whose predicate is one of `ofType`; what does not say its type is looked into. */
export function attestationWanted(ofType: (type: string) => boolean): Wanted {
  return {
    what: "an attestation",
    suffix: ".att",
    artifactTypes: new Set([
      "application/vnd.dev.cosign.artifact.att.v1+json",
      envelopeType,
      "application/vnd.in-toto+json",
    ]),
    limitOf: (layer) => (mayBe(layer, ofType) ? maxAttestation : 0),
    ofPredicate: ofType,
    total: 4 * maxAttestation,
  };
}

/**
 * The OpenVEX that stands beside `digests` in `source` and that somebody whom `policy` trusts signed as being about one of them: in cosign's attestations and in Sigstore bundles. No network but the source.
 * Others' attestations are left out; those of VEX that do not count are told, one sentence each. Throws BAD_KEY and BAD_ROOT for a policy that cannot be used, and what the source throws.
 */
export async function readSignedVex(
  source: SignatureSource,
  digests: readonly Digest[],
  policy: SignaturePolicy,
  signal?: AbortSignal,
): Promise<{ readonly found: readonly SignedVex[]; readonly problems: readonly string[] }> {
  const verify = await createAttestationCheck(policy);
  const wanted = attestationWanted(isVexType);
  const found = new Map<Digest, SignedVex>();
  const problems = new Set<string>();
  for (const digest of digests) {
    const beside = await readBeside(source, digest, wanted, signal);
    for (const problem of beside.problems) problems.add(printable(problem.slice(0, 500)));
    for (const { layer, bytes } of beside.layers) {
      const attestation = sha256(bytes);
      if (found.has(attestation)) continue;
      const said = readSaid(verify(describeAttestation(layer, bytes)), digests);
      if (said.kind === "vex") found.set(attestation, { value: said.value, by: said.by, attestation });
      else if (said.isVex ?? saysVex(layer))
        problems.add(printable(`VEX beside ${digest.slice(0, 19)} does not count: ${said.reason}`));
    }
  }
  return { found: [...found.values()], problems: [...problems].slice(0, 10) };
}

type Said =
  | { readonly kind: "vex"; readonly value: unknown; readonly by: string }
  /** `isVex` is undefined where only its own annotation could tell: what nobody vouches for is not read. */
  | { readonly kind: "none"; readonly reason: string; readonly isVex: boolean | undefined };

function readSaid(verdict: AttestationVerdict, digests: readonly Digest[]): Said {
  if (verdict.kind === "refused") return { kind: "none", reason: verdict.reason, isVex: undefined };
  const said = readVexStatement(verdict.payload, digests);
  if (said.kind === "other") return { kind: "none", reason: said.reason, isVex: said.isVex };
  return { ...said, by: verdict.by };
}

/** What tells of an attestation whether somebody whom `policy` trusts signed it. Throws BAD_KEY and BAD_ROOT. */
export async function createAttestationCheck(
  policy: SignaturePolicy,
): Promise<(found: FoundAttestation) => AttestationVerdict> {
  if (policy.kind === "identity") {
    // sigstore's packages are loaded by who needs them.
    const { createAttestationVerifier } = await import("./verify-identity.ts");
    const verify = createAttestationVerifier(policy);
    return (found) => {
      const verdict = verify(found);
      const reason = verdict.kind === "verified" && verdict.seen && refuseIdentity(policy, verdict.seen);
      return typeof reason === "string" ? { kind: "refused", reason } : verdict;
    };
  }
  const keys = readKeys(policy.keys);
  return (found) => verifyWithKey(found, keys);
}

function verifyWithKey({ kind, bytes }: FoundAttestation, keys: readonly TrustedKey[]): AttestationVerdict {
  const envelope = readEnvelope(bytes, kind, maxStatement);
  if (envelope === undefined) return { kind: "refused", reason: "it holds no in-toto statement" };
  const by = signerOf(envelope, keys);
  if (by === undefined) return { kind: "refused", reason: "it is not by a key that is trusted for it" };
  return { kind: "verified", by: by.name, payload: envelope.payload };
}

/** A layer as an attestation, with what stands beside it. */
export function describeAttestation({ mediaType, annotations = {} }: Descriptor, bytes: Uint8Array): FoundAttestation {
  return {
    kind: mediaType.startsWith(bundlePrefix) ? "bundle" : "envelope",
    bytes,
    certificate: annotations["dev.sigstore.cosign/certificate"],
    rekor: annotations["dev.sigstore.cosign/bundle"],
  };
}

/** Older programs leave the predicate's type out: then only the content tells. */
function mayBe(layer: Descriptor, ofType: (type: string) => boolean): boolean {
  if (layer.mediaType !== envelopeType && !layer.mediaType.startsWith(bundlePrefix)) return false;
  const type = predicateOf(layer);
  return type === undefined || ofType(type);
}

function saysVex(layer: Descriptor): boolean {
  const type = predicateOf(layer);
  return type !== undefined && isVexType(type);
}

function isVexType(type: string): boolean {
  return type.startsWith("https://openvex.dev/");
}
