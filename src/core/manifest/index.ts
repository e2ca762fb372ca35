export { editManifest, findManifestPlaces } from "./edit-manifest.ts";
export { ManifestError } from "./error.ts";
export type { ManifestFile, ManifestImage, ManifestPlace } from "./types.ts";
