export { createQueue, type Queue, type QueueOptions } from "./create-queue.ts";
export type { QueueEngine, QueueSession } from "./queue-engine.ts";
