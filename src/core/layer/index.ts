export { TarError } from "./error.ts";
export { TarParser, type TarSink } from "./tar-parser.ts";
export type { TarHeader } from "./tar-header.ts";
