export { type LayerLimits } from "./limits.ts";
export { createLayerStore, type LayerStore } from "./layer-store.ts";
export { createImageReader, type ImageReader, type PlatformImage, type ReadImage } from "./read-image.ts";
