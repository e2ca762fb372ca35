export { LayerError } from "./error.ts";
export { defaultLayerLimits, type LayerLimits } from "./limits.ts";
export { decompress } from "./decompress.ts";
export { readLayer } from "./read-layer.ts";
export { createLayerStore, type LayerStore } from "./layer-store.ts";
export { createImageReader, type ImageReader, type PlatformImage, type ReadImage } from "./read-image.ts";
