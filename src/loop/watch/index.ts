export { watchTold, type Told } from "./watch-told.ts";
export { watchUpstreams } from "./watch-upstreams.ts";
export type { Watched } from "./watch-suites.ts";
