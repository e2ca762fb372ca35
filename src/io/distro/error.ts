import { AppError } from "../../lib/index.ts";

export class DistroError extends AppError<
  /** No mirror is configured and the system names none. */
  | "NO_MIRROR"
  /** A keyring that the configuration names is not there. */
  | "BAD_KEYRING"
  /** The mirror did not answer, or answered with something else than the file. */
  | "UNREACHABLE"
  /** The mirror lacks a file that its signed index names. */
  | "MISSING"
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
  /** Our own folder cannot be written: full, or not ours. */
  | "DISK_FAILED"
  /** A .deb that breaks its format. */
  | "BAD_DEB"
  /** A generation that is no longer on disk. */
  | "NO_GENERATION"
> {}

const diskCodes = new Set([
  "ENOSPC",
  "EDQUOT",
  "EFBIG",
  "EROFS",
  "EIO",
  "ENOTDIR",
  "EISDIR",
  "EACCES",
  "EPERM",
  "EMFILE",
]);

/** Whether `error` says that a file could not be written, and not that a connection failed. */
export function isDiskError(error: unknown): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return false;
  return diskCodes.has(String(error.code)) && error.syscall !== "connect";
}

/** Rejects with DISK_FAILED, naming `what`, where `work` fails to write below `folder`. */
export async function withDiskErrors<T>(what: string, folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isDiskError(error)) throw error;
    throw new DistroError("DISK_FAILED", `${what} cannot be written below ${folder}: ${error.message}`, {
      hint: "Is the disk full, or the folder another user's? What was fetched before stays in use.",
      retry: true,
      cause: error,
    });
  }
}
