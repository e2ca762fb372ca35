import { AppError } from "../../lib/index.ts";

export class GitError extends AppError<
  /** A URL, ref, commit or subdirectory that is not of an allowed kind; nothing was asked. */
  | "BAD_SOURCE"
  /** No git program, or one that is too old. */
  | "NO_GIT"
  /** The repository did not answer, or not as one. */
  | "UNREACHABLE"
  /** The repository wants credentials, or other ones. */
  | "DENIED"
  /** The repository has no such branch or tag. */
  | "UNKNOWN_REF"
  /** The repository does not have the commit, or does not hand it out. */
  | "UNKNOWN_COMMIT"
  /** The commit has no such folder, or it lies outside. */
  | "NO_SUBDIRECTORY"
  /** A link that leads out of the tree, or a name that no builder takes. */
  | "UNSAFE_TREE"
  /** The build context has a submodule, and those are not fetched. */
  | "SUBMODULE"
  | "TOO_LARGE"
  | "TIMED_OUT"
  /** The key does not sign. */
  | "NOT_SIGNED"
  /** The repository does not take a push. */
  | "REFUSED"
  /** Others were quicker to push, again and again. */
  | "RACED"
  /** Our own folder cannot be written: full, or not ours. */
  | "DISK_FAILED"
  /** A build context that cannot be read. */
  | "UNREADABLE"
> {}
