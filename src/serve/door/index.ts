export { createDoor, type Door, type RateLimit, type Visitor } from "./create-door.ts";
export { readTls, type Tls, type TlsFiles } from "./read-tls.ts";
export { createRegistryDoor } from "./registry-door.ts";
export { TooManyError } from "./too-many-error.ts";
