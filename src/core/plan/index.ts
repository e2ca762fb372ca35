export type { Cause, EnvironmentName, ImageName, Lane, PackageChange, RebuildState } from "./types.ts";
