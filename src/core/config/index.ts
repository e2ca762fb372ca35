export { parseConfig, type ConfigProblem, type ParsedConfig } from "./parse-config.ts";
export { recipeKey, rootsOf } from "./recipe-key.ts";
export {
  configJsonSchema,
  type Config,
  type EnvironmentConfig,
  type ImageConfigEntry,
  type PolicyConfig,
  type RunCheckConfig,
  type UpstreamConfig,
} from "./schema.ts";
