export { annotationKeys } from "./annotations.ts";
export { configLimit, parseConfig } from "./config.ts";
export {
  describeManifest,
  documentKind,
  isForeignLayer,
  manifestBlobs,
  manifestLimit,
  parseDocument,
  parseIndex,
  parseManifest,
  type ImageDocument,
} from "./manifest.ts";
export { formatPlatform, parsePlatform, samePlatform } from "./platform.ts";
export {
  formatReference,
  isOfRepository,
  isRepositoryName,
  isTag,
  parseReference,
  referenceTarget,
  type Reference,
} from "./reference.ts";
export { mediaTypes } from "./types.ts";
export type {
  Descriptor,
  ImageConfig,
  ImageIndex,
  ImageManifest,
  ImageSink,
  ImageSource,
  Platform,
  RawManifest,
} from "./types.ts";
