import { AppError } from "../../lib/index.ts";

/** That the configuration and the running system do not fit together: nothing is changed there. */
export class TargetError extends AppError<
  /** A workload that is named is not there. */
  | "WORKLOAD_MISSING"
  /** No workload has the labels. */
  | "SELECTOR_EMPTY"
  /** More workloads run the image than are said to, or fewer. */
  | "WORKLOAD_COUNT"
  /** No container of the workloads runs the image. */
  | "CONTAINER_MISSING"
> {}
