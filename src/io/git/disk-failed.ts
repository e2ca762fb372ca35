import { messageOf } from "../../lib/index.ts";
import { GitError } from "./error.ts";

/** That our own folder cannot be written: `what` of it, a path or a repository. */
export function diskFailed(what: string, cause: unknown): GitError {
  return new GitError("DISK_FAILED", `${what} cannot be kept on this disk: ${messageOf(cause)}`, {
    cause,
    hint: "Is the disk full, or the folder another user's?",
    retry: true,
  });
}

/** Whether `error` comes from the file system. */
export function isDiskError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error && "code" in error && !(error instanceof GitError);
}
