export { closest } from "./closest.ts";
export type { Mistake } from "./mistake.ts";
export { parseConfig, placeMistakes, type ConfigProblem, type ParsedConfig } from "./parse-config.ts";
export { recipeKey } from "./recipe-key.ts";
export { effectiveImage, lineageOf, rootsOf } from "./effective-image.ts";
export {
  configJsonSchema,
  type Config,
  type EnvironmentConfig,
  type ImageConfigEntry,
  type PolicyConfig,
  type RunCheckConfig,
  type UpstreamConfig,
} from "./schema.ts";
