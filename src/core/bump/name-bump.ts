import { canonicalJson, digestHex, sha256 } from "../../lib/index.ts";
import type { LockedBump } from "./types.ts";

/** What tells a bump from all others: a package of one lock file on one branch of one repository, named without credentials. */
export function bumpKey(
  repository: string,
  branch: string,
  { file, type, package: name }: Pick<LockedBump, "file" | "type" | "package">,
): string {
  return digestHex(sha256(canonicalJson([repository, branch, file, type, name]))).slice(0, 16);
}

/** The branch that a bump is proposed from. git-check-ref-format(1). */
export function bumpBranch({
  key,
  type,
  package: name,
}: {
  readonly key: string;
  readonly type: string;
  readonly package: string;
}): string {
  const plain = name
    .replaceAll(/[^A-Za-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "")
    .slice(0, 60);
  return `tidemill/bump/${type}/${plain}-${key.slice(0, 8)}`;
}
