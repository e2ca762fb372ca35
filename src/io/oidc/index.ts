export { createIssuer, type Issuer } from "./create-issuer.ts";
export { fetchKeys } from "./discover.ts";
export { OidcError } from "./error.ts";
