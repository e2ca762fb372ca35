import { AppError } from "../../lib/index.ts";

export class OidcError extends AppError<
  /** A token that does not count: not signed by its issuer, over, or made out for somebody else. */
  | "BAD_TOKEN"
  /** What is needed to look at a token cannot be had from its issuer. */
  | "ISSUER_UNAVAILABLE"
> {}
