export { loadPlanFacts } from "./load-facts.ts";
export { loadSources, type FoundSource } from "./load-sources.ts";
export { type CuredFinding, type ImageRemedies } from "./load-remedies.ts";
export {
  planFleet,
  proposePlan,
  proposeRemedies,
  renewRemedies,
  type PlannedFleet,
  type ProposedRemedies,
} from "./plan-fleet.ts";
