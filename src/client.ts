/** What programs import that ask a running server: the operations as functions, with their types. */
export { askCaller, connectServer, type ServerAddress } from "./serve/index.ts";
export type { Connection, Operations, ProgressEvent, ProgressListener } from "./operation/index.ts";
