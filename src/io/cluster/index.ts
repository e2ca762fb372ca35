export { createCluster } from "./create-cluster.ts";
