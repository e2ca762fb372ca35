export { createBackup, type BackupDeps } from "./backup.ts";
export { createHold, type HoldDeps } from "./hold.ts";
export { createRestore, type RestoreDeps } from "./restore.ts";
export { createResume, type ResumeDeps } from "./resume.ts";
export { createValidate, type ValidateDeps } from "./validate.ts";
