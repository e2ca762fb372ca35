export { draftConfig } from "./draft-config.ts";
export { readProject } from "./read-project.ts";
export type { Findings, Project, ProjectFile } from "./types.ts";
