export { denialIn, judgeJob, podsOfJob, startedIn, type JobState } from "./judge-job.ts";
export { jobShape, type JobShape, type PodShape } from "./job-shapes.ts";
export { fillJob, makeJob, type JobObject, type JobTerms, type OwnJob } from "./make-job.ts";
export { maxJobManifest, parseJobManifest, type JobManifest } from "./parse-job-manifest.ts";
