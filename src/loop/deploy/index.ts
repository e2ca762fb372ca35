export { deployPlace, type PlaceEnd } from "./deploy-place.ts";
export type { DeployPowers } from "./worker.ts";
export { askDeployment, planDeployment, type Asked } from "./ask-deployment.ts";
export { placeAlarms, placeSubject } from "./alarms.ts";
