import { AppError } from "../../lib/index.ts";

export class NotifyError extends AppError<"BAD_SECRET"> {}
