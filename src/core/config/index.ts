export { addressOfForge, type ForgeKind } from "./address-of-forge.ts";
export { forgeFields } from "./forge-schema.ts";
export type { ExternalImage } from "./external-schema.ts";
export { sourceOf, type BuildSource } from "./source-of.ts";
export type { BumpConfig } from "./bump-schema.ts";
export { bumpSourceOf, type BumpSource } from "./bump-source.ts";
export { reportTargetOf, type ReportTarget } from "./report-target.ts";
export { closest } from "./closest.ts";
export type { Mistake } from "./mistake.ts";
export { parseConfig, placeMistakes, type ConfigProblem, type ParsedConfig } from "./parse-config.ts";
export { ownImage } from "./own-image.ts";
export { deploymentsOf, imagesOf } from "./check-deployments.ts";
export type {
  CommandConfig,
  ComposeConfig,
  KubernetesConfig,
  DeploymentConfig,
  GitopsConfig,
  TagConfig,
  WebhookConfig,
} from "./deployments-schema.ts";
export { needsEngine, type CheckConfig } from "./checks-schema.ts";
export type { NotificationsConfig, ReceiverConfig } from "./notifications-schema.ts";
export { isForOthers, isLoopbackListen, parseListen, type ServerConfig } from "./server-schema.ts";
export type { LoginConfig } from "./login-schema.ts";
export { parseEvidencePolicy } from "./evidence-policy.ts";
export type { EvidenceConfig } from "./evidence-schema.ts";
export type { ProbeConfig } from "./environment-schema.ts";
export { policyDigest } from "./policy-digest.ts";
export { secretsOf } from "./secrets-of.ts";
export { recipeKey } from "./recipe-key.ts";
export { distroOf, effectiveImage, labelsOf, lineageOf, packagesImage, rootsOf } from "./effective-image.ts";
export {
  configJsonSchema,
  type BaseConfig,
  type Config,
  type DockerfileImage,
  type EnvironmentConfig,
  type ImageConfigEntry,
  type PackagesImage,
  type PolicyConfig,
  type UpstreamConfig,
  type UpstreamImage,
} from "./schema.ts";
