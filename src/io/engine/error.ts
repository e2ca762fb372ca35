import { AppError } from "../../lib/index.ts";

/** RUN_FAILED: the engine itself failed. LOAD_FAILED: it did not get the image. NOT_STARTED: nothing in the image can be started that way. */
export class EngineError extends AppError<"RUN_FAILED" | "LOAD_FAILED" | "NOT_STARTED"> {}
