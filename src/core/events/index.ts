export { jsonPathProblem } from "./json-path.ts";
export { providers, readEvent, type EventVerdict } from "./read-event.ts";
export { isRefMeant, sourceKey } from "./source-key.ts";
export type { Delivery, Endpoint, Subject } from "./types.ts";
