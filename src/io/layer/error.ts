import { AppError } from "../../lib/index.ts";

/** What can be wrong with a layer as a whole; what is wrong with one member of it is a problem in its facts. */
export class LayerError extends AppError<
  "LAYER_TOO_LARGE" | "LAYER_CORRUPT" | "DIFF_ID_MISMATCH" | "IMAGE_CORRUPT" | "IMAGE_NOT_FOUND" | "PLATFORM_NOT_FOUND"
> {}
