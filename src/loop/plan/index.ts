export { planFleet, proposePlan, type PlannedFleet } from "./plan-fleet.ts";
