import { AppError } from "../../../lib/index.ts";

export class ExternalError extends AppError<
  /** A run of its pipeline ended without a digest. */
  | "RUN_FAILED"
  /** Its pipeline does not take what it is asked. */
  | "RUN_REFUSED"
  /** The digest that it gave is not in the repository of the image. */
  | "DIGEST_UNKNOWN"
  /** What it gave is built for other platforms. */
  | "OTHER_PLATFORMS"
  /** What it gave is what there was, and that is not what was asked for. */
  | "NOTHING_NEW"
  /** It is asked to be made where only its pipeline makes it. */
  | "BUILT_ELSEWHERE"
> {}
