export { createHooks, type HookOutcome } from "./hooks/create-hooks.ts";
export { createInbox } from "./hooks/create-inbox.ts";
export { createMetrics, type Metrics } from "./metrics/create-metrics.ts";
export { createServer, type ServerOptions } from "./server.ts";
export { createEventBus, type EventBus } from "./event-bus.ts";
export { connectServer, type ServerAddress } from "./client.ts";
export { deliverNotifications, type Delivery, type DueNotification, type Outbox, type Webhook } from "./notify.ts";
export { localPrincipal, recordedOperations } from "./access/index.ts";
