export { createCluster } from "./create-cluster.ts";
export { createJobRunner, type JobEnd, type JobPlace, type JobRequest, type JobRunner } from "./run-job.ts";
