export { createGit } from "./create-git.ts";
export { digestFolder, readSourceFile, type FolderOptions } from "./digest-folder.ts";
export { GitError } from "./error.ts";
export { defaultGitLimits } from "./types.ts";
export type { FetchedSource, Git, GitLimits, GitOptions, GitSource } from "./types.ts";
