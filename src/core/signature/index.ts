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
export type { SignaturePolicy, SignatureVerdict, SignedImage } from "./types.ts";
export { openPrivateKey, publicPem, sealPrivateKey, type FreshBytes } from "./private-key.ts";
export { provenanceTypes, refuseProvenance, type ProvenanceRule } from "./provenance.ts";
