export { AppError, messageOf, type ErrorDetail } from "./error.ts";
export { systemClock, manualClock, type Clock, type Instant, type SteadyMoment } from "./clock.ts";
export { digestAlgorithm, digestHex, isDigest, sha256, type Digest } from "./digest.ts";
export { LimitError, collectBytes, limitBytes } from "./limit.ts";
export { canonicalJson } from "./json.ts";
export { writeFileDurable, syncFolder } from "./durable-file.ts";
export { createLogger, silentLogger, type Logger } from "./log.ts";
export { formatAge, formatBytes, formatSeconds, printable, shortDigest } from "./display.ts";
export { tryShape, type Shaped } from "./try-shape.ts";
