export { attestDigest, type Attested } from "./attest-digest.ts";
