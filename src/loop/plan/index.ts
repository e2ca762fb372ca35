export { planFleet, proposePlan, type PlannedFleet } from "./plan-fleet.ts";
export { currentRecipeKey } from "./load-facts.ts";
