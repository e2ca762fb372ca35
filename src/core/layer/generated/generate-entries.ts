import type { PackageFacts } from "../types.ts";
import { addAccounts, type AccountWish, type AllocatedAccounts } from "./accounts.ts";
import { addAlternatives } from "./alternatives.ts";
import { addCertificates } from "./certificates.ts";
import { ImageTree, type GeneratedEntry } from "./image-tree.ts";
import { addPackageFiles } from "./package-files.ts";
import { addPam } from "./pam.ts";
import { addSharedLibraries } from "./shared-libraries.ts";
import { addBaseFiles, addCopies, addShell, addShells, addTimeZone } from "./system-files.ts";

export interface GenerateInput {
  /** The whole closure of an image, one version a package. */
  readonly packages: readonly PackageFacts[];
  /** Debian's word: amd64. */
  readonly architecture: string;
  /** Accounts that the configuration asks for. */
  readonly accounts: readonly AccountWish[];
  /** Numbers of all names that accountsToAllocate says. */
  readonly allocated: AllocatedAccounts;
  /** `Europe/Berlin`; Etc/UTC without it. */
  readonly timezone?: string | undefined;
}

/**
 * The entries of an image that no package ships, since maintainer scripts would have made them: the same for the same packages,
 * sorted so that parents come first, each path once, none that a package ships unless a script would have replaced it. Throws BAD_REQUEST for a time zone that is not there.
 */
export function generateEntries(input: GenerateInput): readonly GeneratedEntry[] {
  const tree = new ImageTree(input.packages);
  addBaseFiles(tree);
  addAccounts(tree, input.accounts, input.allocated);
  addCopies(tree);
  addTimeZone(tree, input.timezone);
  addShell(tree);
  addShells(tree);
  addCertificates(tree);
  addPam(tree);
  addPackageFiles(tree);
  addAlternatives(tree);
  addSharedLibraries(tree, input.architecture);
  return tree.entries();
}
