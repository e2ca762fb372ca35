export { readTrustedKey, type TrustedKey } from "./verify-with-key.ts";
export { parseJson, refuseSimpleSigning, simpleSigningType } from "./simple-signing.ts";
export { readEnvelope, signerOf } from "./envelope.ts";
export { readVexStatement, refuseStatement, statementType } from "./statement.ts";
export { verifyBundleWithKey, verifySimpleSigning } from "./verify-key-signature.ts";
export type { SignaturePolicy, SignatureVerdict, SignedImage } from "./types.ts";
export { openPrivateKey, publicPem, sealPrivateKey, type FreshBytes } from "./private-key.ts";
