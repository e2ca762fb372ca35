export { localPrincipal } from "./authenticate.ts";
export { authorize, reaches, requireRole, type LabelsOf } from "./authorize.ts";
export { recordedOperations, recordWrite, type RecordWrites } from "./record-write.ts";
export { createAdmission, type Admission, type FindSession, type RateLimit } from "./create-admission.ts";
export { createFindWorkload } from "./find-workload.ts";
export {
  cookieNames,
  csrfHeader,
  csrfOf,
  formatCookie,
  hashOf,
  hasCookie,
  isOwnWrite,
  mintSecret,
  readCookie,
} from "./session-cookie.ts";
export { isLoopbackAddress } from "./find-client.ts";
export { createRegistryGuard } from "./guard-registry.ts";
export { TooManyError } from "./too-many-error.ts";
