export { imagesOfSet, maxComposeSet, parseComposeSet, type ComposeSet } from "./parse-compose-set.ts";
export { renderComposeSet, type SetLimits } from "./render-compose-set.ts";
