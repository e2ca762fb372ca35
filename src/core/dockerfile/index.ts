export { DockerfileError, type Place } from "./error.ts";
export { parseDockerfile } from "./parse-dockerfile.ts";
export { locateStep, packagesArgument, pinDockerfile, type PinOptions } from "./pin-dockerfile.ts";
export { parseIgnoreFile } from "./ignore-file.ts";
export type { DockerfileInput, ImageUse, ParsedDockerfile, Stage, UseKind } from "./types.ts";
