export { readTrustedKey, type TrustedKey } from "./verify-with-key.ts";
export { formatSimpleSigning, parseJson, refuseSimpleSigning, simpleSigningType } from "./simple-signing.ts";
export { bundleType, formatBundle, readEnvelope, signerOf } from "./envelope.ts";
export {
  preAuthEncoding,
  readStatement,
  readVexStatement,
  refuseStatement,
  statementType,
  type ReadStatement,
} from "./statement.ts";
export { verifyBundleWithKey, verifySimpleSigning } from "./verify-key-signature.ts";
export type { IdentityPolicy, SignaturePolicy, SignatureVerdict, SignedImage, Thresholds } from "./types.ts";
export { checkIdentityRule, refuseIdentity, type SeenIdentity, type SignerIdentity } from "./identity.ts";
export { isIdentity, isKey, trustIdentity, type TrustedIdentity, type TrustedSigner } from "./trusted-signer.ts";
export { claimNames, readCertificateIdentity, type ClaimName, type SubjectKind } from "./certificate-identity.ts";
export { openPrivateKey, publicPem, sealPrivateKey, type FreshBytes } from "./private-key.ts";
export { provenanceTypes, refuseProvenance, type ProvenanceRule } from "./provenance.ts";
