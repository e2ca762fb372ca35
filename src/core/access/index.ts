export { imageLabel, role, type Role } from "./role.ts";
export { checkTextRule, matchesText, type TextRule } from "./text-rule.ts";
export { findRule, type AccessRule, type Claims } from "./access-rule.ts";
export { describeWorkload, openIssuers, type WorkloadRule } from "./workload.ts";
export { personNameOf } from "./person.ts";
