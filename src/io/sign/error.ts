import { AppError } from "../../lib/index.ts";

export class SignError extends AppError<
  /** A key of a policy cannot be used. */
  | "BAD_KEY"
  /** A trusted root of a policy cannot be read. */
  | "BAD_ROOT"
  /** An identity of a policy cannot be used. */
  | "BAD_IDENTITY"
  /** A private key cannot be opened: it is not there, is none, or has another passphrase. */
  | "KEY_CLOSED"
  /** There is no token that says who we are, or it is for somebody else or over. */
  | "NO_TOKEN"
  /** A program or service that signing needs gave nothing, or what does not verify. */
  | "SIGN_FAILED"
  /** There is a key of that name already. */
  | "KEY_EXISTS"
  /** Other writers keep undoing what is put beside an image. */
  | "LOST_UPDATE"
> {}
