export type { DeploymentState, KnownAttempt, Observed } from "./types.ts";
export { decideDeployment, type DeploymentDecision, type DeploymentFacts } from "./decide-deployment.ts";
export { checkComposeFile, type ComposeFile } from "./check-compose-file.ts";
export { standingOf, type DeployedPlace, type DeployedStanding } from "./standing-of.ts";
