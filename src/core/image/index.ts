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
