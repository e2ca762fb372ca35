import { AppError } from "../../lib/index.ts";

/**
 * BAD_URL, BAD_REF, BAD_PATH: what is asked for cannot be meant. REF_NOT_FOUND, AMBIGUOUS_REF, NO_FOLDER: the repository
 * has none, or several. UNREACHABLE, UNAUTHORIZED: its host does not answer, or refuses. REF_MOVED: it moved while it was
 * fetched. BAD_TREE: its content cannot be laid out safely. TOO_LARGE, TIMEOUT: a limit. GIT_MISSING: no git program.
 */
export class GitError extends AppError<
  | "BAD_URL"
  | "BAD_REF"
  | "BAD_PATH"
  | "REF_NOT_FOUND"
  | "AMBIGUOUS_REF"
  | "NO_FOLDER"
  | "UNREACHABLE"
  | "UNAUTHORIZED"
  | "REF_MOVED"
  | "BAD_TREE"
  | "TOO_LARGE"
  | "TIMEOUT"
  | "GIT_MISSING"
> {}
