export { loadSources, type FoundSource } from "./load-sources.ts";
export { planFleet, proposePlan, type PlannedFleet } from "./plan-fleet.ts";
