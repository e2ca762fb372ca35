export { checkSignature } from "./check-signature.ts";
export type { SignatureSource } from "./fetch-signatures.ts";
