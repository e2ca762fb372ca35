export type { DeploymentState, KnownAttempt, Observed } from "./types.ts";
export { decideDeployment, type DeploymentDecision, type DeploymentFacts } from "./decide-deployment.ts";
export { standingOf, type DeployedPlace, type DeployedStanding } from "./standing-of.ts";
