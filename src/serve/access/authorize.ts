import { access, operations, type OperationName, type Principal, type Role } from "../../operation/index.ts";
import { ServeError } from "../error.ts";

/** Labels of an image of the fleet as `key=value`; none where there is no such image. */
export type LabelsOf = (image: string) => readonly string[];

/** Whether a caller has a role: every role may look, an admin may do everything. */
function hasRole({ roles }: Pick<Principal, "roles">, role: Role): boolean {
  return roles.includes("admin") || roles.includes(role) || (role === "viewer" && roles.length > 0);
}

/** Whether a caller may see an image. */
export function reaches({ labels }: Pick<Principal, "labels">, image: string, labelsOf: LabelsOf): boolean {
  if (labels.length === 0) return true;
  const borne = labelsOf(image);
  return labels.some((label) => borne.includes(label));
}

/**
 * The input as the operation gets it: checked against what the caller may do, and with the caller's own name where it says who asks. Throws ROLE_MISSING, OUT_OF_SCOPE. Input that
 * breaks its schema is left for the operation to refuse.
 */
export function authorize(name: OperationName, input: unknown, principal: Principal, labelsOf: LabelsOf): unknown {
  requireRole(access[name].role, principal, name);
  if (principal.labels.length > 0) {
    if (access[name].filtered === true) return withinScope(name, input, principal);
    requireScope(name, input, principal, labelsOf);
  }
  // Whoever can read the lock file could as well write the rows: the name that they give is believed.
  if (principal.kind === "local" || !("by" in operations[name].input.shape)) return input;
  return isRecord(input) ? { ...input, by: principal.name } : input;
}

/** Throws ROLE_MISSING where a caller may not do `what`. */
export function requireRole(role: Role, principal: Principal, what: string): void {
  if (hasRole(principal, role)) return;
  const has = principal.roles.length === 0 ? "no role" : principal.roles.join(", ");
  throw new ServeError("ROLE_MISSING", `${what} needs the role ${role}; ${principal.name} has ${has}`, {
    hint: "An admin can give you a token with that role: `tidemill token create`.",
  });
}

function requireScope(name: OperationName, input: unknown, principal: Principal, labelsOf: LabelsOf): void {
  const { images: field } = access[name];
  const named = field === undefined || !isRecord(input) ? undefined : input[field];
  const images = Array.isArray(named) ? named : named === undefined ? [] : [named];
  const limits = principal.labels.join(", ");
  if (images.length === 0)
    throw new ServeError(
      "OUT_OF_SCOPE",
      `${name} is about the whole fleet; ${principal.name} is limited to ${limits}`,
      {
        hint: field === undefined ? "Ask with a token that has no labels." : `Name an image by \`${field}\`.`,
      },
    );
  const beyond = images.find((image) => typeof image !== "string" || !reaches(principal, image, labelsOf));
  if (beyond !== undefined)
    // Whether there is such an image is not said.
    throw new ServeError("OUT_OF_SCOPE", `${name}: ${principal.name} is limited to images with ${limits}`);
}

/** A list with the labels that a caller is limited to; those that it names itself have to be among them. */
function withinScope(name: OperationName, input: unknown, { labels, name: caller }: Principal): unknown {
  if (!isRecord(input)) return input;
  const named = input["labels"];
  if (named === undefined) return { ...input, labels: [...labels] };
  if (Array.isArray(named) && named.length > 0 && named.every((label) => labels.includes(String(label)))) return input;
  throw new ServeError("OUT_OF_SCOPE", `${name}: ${caller} is limited to images with ${labels.join(", ")}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
