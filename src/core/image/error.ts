import { AppError } from "../../lib/index.ts";

export class ImageError extends AppError<
  "BAD_REFERENCE" | "BAD_PLATFORM" | "BAD_MANIFEST" | "BAD_CONFIG" | "MEDIA_TYPE"
> {}
