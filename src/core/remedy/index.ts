export type { Dependant, Offered, Remedy } from "./types.ts";
