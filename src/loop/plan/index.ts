export { planFleet, proposePlan, type PlannedFleet } from "./plan-fleet.ts";
export { loadGenerations } from "./find-updates.ts";
export { currentRecipeKey } from "./load-facts.ts";
