import { AppError } from "../../lib/index.ts";

/** What is wrong with a tar archive as such. */
export class TarError extends AppError<"TAR_CORRUPT"> {}

/** Why an image cannot be assembled from what it was asked to be made of. */
export class BuildError extends AppError<
  /** A package holds what no image may: a path out of the tree, a device, a write through a link. */
  | "HOSTILE_PACKAGE"
  /** A file is not the package that its record promises, or it cannot be read. */
  | "BAD_PACKAGE"
  /** Two packages ship one path with different content, and neither replaces the other. */
  | "FILE_CONFLICT"
  /** Packages of two versions or architectures, an unknown user, a file that cannot be placed. */
  | "BAD_REQUEST"
  /** Accounts need more numbers than there are. */
  | "ACCOUNTS_FULL"
> {}
