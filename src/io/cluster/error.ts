import { AppError } from "../../lib/index.ts";

export class ClusterError extends AppError<
  /** The kubeconfig or the service account cannot be read, or is of a kind that is not used. */
  | "BAD_ACCESS"
  /** The API server does not answer, or not as one. */
  | "UNREACHABLE"
  /** It does not let us. */
  | "DENIED"
  /** It does not take what it was asked for. */
  | "REFUSED"
  /** There is no such namespace, or no such kind of object. */
  | "MISSING"
  | "TOO_LARGE"
> {}
