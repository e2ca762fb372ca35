export { editManifest, findManifestPlaces } from "./edit-manifest.ts";
export { createLocate, ManifestError } from "./error.ts";
export { readYaml } from "./read-yaml.ts";
export type { ManifestFile, ManifestImage, ManifestPlace } from "./types.ts";
