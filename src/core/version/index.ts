export { compareDeb, compareDebText, isDebVersion, parseDeb, type DebVersion } from "./deb.ts";
