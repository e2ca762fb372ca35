import { AppError } from "../../lib/index.ts";

export class DistroError extends AppError<
  /** No mirror is configured and the system names none. */
  | "NO_MIRROR"
  /** The mirror did not answer, or answered with something else than the file. */
  | "UNREACHABLE"
  /** A redirect that leads in circles, away from https, or off the network. */
  | "BAD_REDIRECT"
  /** Not signed, or not by a key that this suite trusts. */
  | "BAD_SIGNATURE"
  /** A document that breaks its format. */
  | "BAD_INDEX"
  /** The suite or codename is not the one that was asked for. */
  | "WRONG_SUITE"
  | "INDEX_EXPIRED"
  /** Older than what we hold already, or as old and different. */
  | "INDEX_OLDER"
  /** Size or digest is not the one that the signed index promises. */
  | "HASH_MISMATCH"
  | "TOO_LARGE"
  /** A .deb that breaks its format. */
  | "BAD_DEB"
  /** No generation of the suite was ever taken in. */
  | "NO_GENERATION"
> {}
