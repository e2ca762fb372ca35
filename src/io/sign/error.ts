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
  /** A program that signs gave no signature. */
  | "SIGN_FAILED"
  /** There is a key of that name already. */
  | "KEY_EXISTS"
  /** Other writers keep undoing what is put beside an image. */
  | "LOST_UPDATE"
> {}
