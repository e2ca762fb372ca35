import { X509Certificate } from "node:crypto";
import type { Bundle } from "@sigstore/bundle";
import { toSignedEntity, Verifier, type SignedEntity, type Signer, type TrustMaterial } from "@sigstore/verify";
import {
  checkIdentityRule,
  readCertificateIdentity,
  refuseIdentity,
  type IdentityPolicy,
  type SeenIdentity,
  type Thresholds,
  type TrustedKey,
} from "../../core/signature/index.ts";
import { messageOf, type Instant } from "../../lib/index.ts";
import { SignError } from "./error.ts";
import { statementOf } from "./read-bundle.ts";
import { readTrustedRoot } from "./trusted-root.ts";

/** Who signed what a bundle holds, and that; or why it does not count. */
export type BundleVerdict =
  | {
      readonly kind: "verified";
      readonly by: string;
      readonly payload: Uint8Array;
      readonly seen: SeenIdentity | undefined;
    }
  | { readonly kind: "refused"; readonly reason: string };

/** `read` gives the bundle, or why there is none; `signed` is what it signs where it does not hold that itself. */
export type VerifyBundle = (read: () => Bundle | string, signed: Uint8Array | undefined) => BundleVerdict;

const codeSigning = "1.3.6.1.5.5.7.3.3";

/**
 * Verifies bundles: the certificate is for signing code, of an authority of the trusted root, in a log of certificates, and was valid at every moment that a log's promise or a timestamp authority vouches for; the
 * signature is in a log, by its promise, or by its proof and the log's checkpoint; who signed is whom the policy names. What the root names of these is required. No network is asked. Throws BAD_ROOT and BAD_IDENTITY.
 * Sigstore client specification, 4.
 */
export function createIdentityBundleVerifier(policy: IdentityPolicy): VerifyBundle {
  const verify = createBundleVerifier(policy);
  return (read, signed) => {
    const verdict = verify(read, signed);
    const reason = verdict.kind === "verified" && verdict.seen && refuseIdentity(policy, verdict.seen);
    return typeof reason === "string" ? refuse(reason) : verdict;
  };
}

/** The same for whoever signed: who may is for the caller to see. Throws BAD_ROOT, and BAD_IDENTITY for a pattern that cannot be used. */
export function createBundleVerifier(policy: IdentityPolicy): VerifyBundle {
  const wrong = checkIdentityRule(policy);
  if (wrong !== undefined) throw new SignError("BAD_IDENTITY", `an identity of a signature policy: ${wrong}`);
  const trust = readTrustedRoot(policy.trustedRoot);
  const verifier = verifierOf(trust, policy.thresholds);
  return (read, signed) => {
    try {
      const bundle = read();
      if (typeof bundle === "string") return refuse(bundle);
      const payload = signed ?? statementOf(bundle);
      if (payload === undefined) return refuse("it is no bundle with an in-toto statement");
      const wrongEntry = refuseEntries(bundle);
      if (wrongEntry !== undefined) return refuse(wrongEntry);
      const entity = toSignedEntity(bundle, signed === undefined ? undefined : Buffer.from(signed));
      const seen = seenIdentity(bundle, entity, verifier.verify(entity));
      if (typeof seen === "string") return refuse(seen);
      return { kind: "verified", by: seen.subject, payload, seen };
    } catch (error) {
      // Certificates and bundles are other people's bytes: whatever is thrown over them, they are no signature.
      return refuse(`it cannot be verified: ${messageOf(error).slice(0, 300)}`);
    }
  };
}

/** Who signs with a key of one's own, and enters it into a log. */
export interface LoggedKeyPolicy {
  readonly keys: readonly TrustedKey[];
  readonly trustedRoot: string;
  readonly thresholds?: Thresholds | undefined;
}

/** The same for keys of one's own: the signature is by one of them, and in a log of the trusted root. Throws BAD_ROOT. */
export function createLoggedKeyVerifier({ keys, trustedRoot, thresholds }: LoggedKeyPolicy): VerifyBundle {
  const root = readTrustedRoot(trustedRoot);
  const verifiers = keys.map(({ key, name }) => ({
    name,
    verifier: new Verifier(
      { ...root, publicKey: () => ({ publicKey: key, validFor: () => true }) },
      {
        tlogThreshold: thresholds?.logs ?? (root.tlogs.length > 0 ? 1 : 0),
        ctlogThreshold: 0,
        timestampThreshold: thresholds?.timestamps ?? 0,
      },
    ),
  }));
  return (read, signed) => {
    let reason = "it is not by a key that is trusted for it";
    try {
      const bundle = read();
      if (typeof bundle === "string") return refuse(bundle);
      const payload = signed ?? statementOf(bundle);
      if (payload === undefined) return refuse("it is no bundle with an in-toto statement");
      if (bundle.verificationMaterial.content.$case !== "publicKey") return refuse(reason);
      const wrongEntry = refuseEntries(bundle);
      if (wrongEntry !== undefined) return refuse(wrongEntry);
      const entity = toSignedEntity(bundle, signed === undefined ? undefined : Buffer.from(signed));
      for (const { name, verifier } of verifiers)
        try {
          verifier.verify(entity);
          return { kind: "verified", by: name, payload, seen: undefined };
        } catch (error) {
          reason = `it cannot be verified: ${messageOf(error).slice(0, 300)}`;
        }
    } catch (error) {
      reason = `it cannot be verified: ${messageOf(error).slice(0, 300)}`;
    }
    return refuse(reason);
  };
}

function verifierOf(trust: TrustMaterial, { logs, certificateLogs, timestamps }: IdentityPolicy["thresholds"] = {}) {
  return new Verifier(trust, {
    tlogThreshold: logs ?? (trust.tlogs.length > 0 ? 1 : 0),
    ctlogThreshold: certificateLogs ?? (trust.ctlogs.length > 0 ? 1 : 0),
    // Without a moment that somebody vouches for, a certificate of ten minutes would be good for ever.
    timestampThreshold: Math.max(1, timestamps ?? 1),
  });
}

/** Where no promise signs an entry's place in its log, only the proof does: another place beside it would be a lie. */
function refuseEntries(bundle: Bundle): string | undefined {
  const lies = bundle.verificationMaterial.tlogEntries.some(
    ({ inclusionPromise, inclusionProof, logIndex }) =>
      inclusionPromise === undefined && inclusionProof !== undefined && inclusionProof.logIndex !== logIndex,
  );
  return lies ? "its place in the log is not the one that is proven" : undefined;
}

/** Who signed and when, of a bundle that was verified; or why that cannot be told. */
function seenIdentity(bundle: Bundle, entity: SignedEntity, { identity }: Signer): SeenIdentity | string {
  const certificate = certificateOf(bundle);
  if (certificate === undefined || identity === undefined) return "it has no certificate: a key made it";
  const { keyUsage, ca } = new X509Certificate(certificate);
  if (ca || !(keyUsage as readonly string[] | undefined)?.includes(codeSigning))
    return "its certificate is not for signing code";
  const extensions = (identity.oids ?? []).map(({ oid, value }) => ({ oid: oid?.id.join(".") ?? "", value }));
  const named = readCertificateIdentity(extensions);
  return typeof named === "string" ? named : { ...named, times: timesOf(entity) };
}

function certificateOf({ verificationMaterial: { content } }: Bundle): Buffer | undefined {
  if (content.$case === "certificate") return content.certificate.rawBytes;
  return content.$case === "x509CertificateChain" ? content.x509CertificateChain.certificates[0]?.rawBytes : undefined;
}

function timesOf({ timestamps }: SignedEntity): Instant[] {
  return timestamps.flatMap((one) => {
    if (one.$case === "timestamp-authority") return [one.timestamp.signingTime.getTime()];
    // A time without a promise nobody signed.
    return one.tlogEntry.inclusionPromise === undefined ? [] : [Number(one.tlogEntry.integratedTime) * 1000];
  });
}

function refuse(reason: string): BundleVerdict {
  return { kind: "refused", reason };
}
