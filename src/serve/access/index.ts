export { authenticate, localPrincipal, type AuthenticateOptions } from "./authenticate.ts";
export { authorize, reaches, requireRole, type LabelsOf } from "./authorize.ts";
export { recordedOperations, recordWrite, type RecordWrites } from "./record-write.ts";
