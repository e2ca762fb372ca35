export { type LayerLimits } from "./limits.ts";
export { createLayerStore, type LayerStore } from "./layer-store.ts";
export {
  createImageReader,
  type ImageManifests,
  type ImageReader,
  type PlatformImage,
  type PlatformManifest,
  type ReadImage,
} from "./read-image.ts";
export { readFiles, type FileContent } from "./read-files.ts";
export { folderTree, type ReadFolderOptions } from "./read-folder.ts";
