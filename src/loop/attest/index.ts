export { readSubjects } from "./read-subjects.ts";
export { attestDigest, type Attested } from "./attest-digest.ts";
