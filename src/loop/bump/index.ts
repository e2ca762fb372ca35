export { bumpSources } from "./bump-sources.ts";
