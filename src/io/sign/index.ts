export { checkSignature } from "./check-signature.ts";
export { SignError } from "./error.ts";
export type { SignatureSource } from "./fetch-signatures.ts";
