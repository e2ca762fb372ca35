export type { Offered, Remedy } from "./types.ts";
