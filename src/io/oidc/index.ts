export { createIssuer, type Issuer } from "./create-issuer.ts";
export { createRelyingParty, type LoginChecks, type RelyingParty } from "./create-relying-party.ts";
export { fetchKeys } from "./discover.ts";
export { OidcError } from "./error.ts";
