import { AppError } from "../../lib/index.ts";

export class EngineError extends AppError<"RUN_FAILED" | "LOAD_FAILED"> {}
