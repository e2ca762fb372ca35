import { AppError } from "../../lib/index.ts";

export class BumpError extends AppError<
  /** A file of the repository, or all that is needed, is larger than what is read. */
  "TOO_LARGE"
> {}
