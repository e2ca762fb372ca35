export { imageLabel, role, type Role } from "./role.ts";
export { checkTextRule, matchesText, type TextRule } from "./text-rule.ts";
export { describeWorkload, findWorkloadRule, openIssuers, type Claims, type WorkloadRule } from "./workload.ts";
