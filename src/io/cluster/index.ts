export { createCluster, type Cluster } from "./create-cluster.ts";
export { createJobRunner, type JobEnd, type JobPlace, type JobRequest, type JobRunner } from "./run-job.ts";
