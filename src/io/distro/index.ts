export { DistroError } from "./error.ts";
export { defaultDebLimits, parseDebFile, readDeb, type DebFile, type DebLimits } from "./read-deb.ts";
