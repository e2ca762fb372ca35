export { createDiff, type DiffDeps } from "./diff.ts";
export { createHistory } from "./history.ts";
export { createPlan, type PlanDeps } from "./plan.ts";
export { createStatus, type Answerer } from "./status.ts";
export { createSummary } from "./summary.ts";
export { createWhy } from "./why.ts";
