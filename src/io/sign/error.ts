import { AppError } from "../../lib/index.ts";

export class SignError extends AppError<
  /** A key of a policy cannot be used. */
  | "BAD_KEY"
  /** A trusted root of a policy cannot be read. */
  | "BAD_ROOT"
> {}
