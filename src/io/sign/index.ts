export { SignError } from "./error.ts";
export { checkProvenance } from "./check-provenance.ts";
export { checkSignature } from "./check-signature.ts";
export { readSignedVex } from "./read-signed-vex.ts";
export type { SignatureSource } from "./read-beside.ts";
export {
  listKeys,
  makeKeys,
  readPublicKey,
  revokeKey,
  rotateKeys,
  type KeyFile,
  type KeyKind,
  type KeyState,
} from "./key-files.ts";
export {
  openSigner,
  passphraseOf,
  signerOfEvidence,
  type EvidenceSigner,
  type IdentitySigner,
  type Signer,
} from "./read-private-key.ts";
export { attachBundle, attachClassic, bundleArtifact, type ClassicSignature, type EvidencePlace } from "./attach.ts";
export { openKeylessSigner, type KeylessSetting } from "./keyless-signer.ts";
export { readIdentityToken, type TokenSource } from "./identity-token.ts";
export { usualPatience } from "./ask-for-bytes.ts";
export { openProgramSigner } from "./program-signer.ts";
export { signClassic, signStatement } from "./sign-statement.ts";
export { readBundleParts } from "./bundle-parts.ts";
export { createSignerFinder, type SignedBy } from "./find-signer.ts";
export { readEvidence, type EvidenceBeside, type FoundEvidence, type RefusedEvidence } from "./read-evidence.ts";
