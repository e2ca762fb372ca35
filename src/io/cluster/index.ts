export { createCluster } from "./create-cluster.ts";
export { ClusterError } from "./error.ts";
