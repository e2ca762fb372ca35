export { deployPlace, type DeployPowers, type FailedDeployment, type PlaceEnd } from "./deploy-place.ts";
export { askDeployment, planDeployment, type Asked } from "./ask-deployment.ts";
export { placeAlarms, placeSubject } from "./alarms.ts";
