export { checkSignature } from "./check-signature.ts";
export { readSignedVex } from "./read-signed-vex.ts";
export type { SignatureSource } from "./read-beside.ts";
