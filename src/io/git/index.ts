export { createBranchWriter, type BranchWriter } from "./create-branch-writer.ts";
export { createGit, type Git } from "./create-git.ts";
export { publicUrl } from "./public-url.ts";
export { readFolderKey } from "./read-folder-key.ts";
