import { AppError } from "../../lib/index.ts";

export class BumpError extends AppError<
  /** A file of the repository, or all that is needed, is larger than what is read. */
  | "TOO_LARGE"
  /** It asks for what lies outside of the repository and of the registry that this machine names. */
  | "REACHES_OUT"
  /** It could only be known by running code of the repository or of a package. */
  | "RUNS_CODE"
> {}

/** Refuses what would have something fetched that nobody but the repository has named. */
export function reachesOut(message: string): never {
  throw new BumpError("REACHES_OUT", message, { hint: "Change it by hand." });
}

/** Refuses what only code could tell. */
export function runsCode(message: string): never {
  throw new BumpError("RUNS_CODE", message, { hint: "Change it by hand." });
}
