export { checkSignature } from "./check-signature.ts";
export { readSignedVex } from "./read-signed-vex.ts";
export type { SignatureSource } from "./read-beside.ts";
export { listKeys, makeKeys, revokeKey, rotateKeys, type KeyFile, type KeyKind, type KeyState } from "./key-files.ts";
export { openSigner, passphraseOf, type Signer } from "./read-private-key.ts";
