import { AppError } from "../lib/index.ts";

/** What was typed makes no sense. */
export class UsageError extends AppError<"BAD_USAGE"> {}
