import { AppError } from "../../lib/index.ts";

/** What is wrong with a tar archive as such. */
export class TarError extends AppError<"TAR_CORRUPT"> {}
