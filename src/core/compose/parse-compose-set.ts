import { z } from "zod";
import { printable, readYamlMapping, tryShape } from "../../lib/index.ts";
import { refusedKeys, serviceSchema, type ServiceInSet } from "./set-schema.ts";

/** Services of a compose file, as a check may run them. */
export interface ComposeSet {
  /** By name. */
  readonly services: Readonly<Record<string, ServiceInSet>>;
  /** Names of its volumes. */
  readonly volumes: readonly string[];
}

export type ParsedComposeSet =
  | { readonly kind: "ok"; readonly set: ComposeSet }
  /** One line each, with its place: `3:5: services.web.privileged: …`. */
  | { readonly kind: "invalid"; readonly problems: readonly string[] };

/** Bytes of the largest file. */
export const maxComposeSet = 1_048_576;
const maxServices = 20;
const maxProblems = 20;
const maxDepth = 32;

const serviceName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "a plain name");
const plainNetwork = z.strictObject({
  driver: z.literal("bridge", { error: "a set has a network of its own: `bridge`, or nothing" }).optional(),
  internal: z.unknown().optional(),
  name: z.unknown().optional(),
  labels: z.unknown().optional(),
});
const plainVolume = z.strictObject({ name: z.unknown().optional(), labels: z.unknown().optional() });

const fileSchema = z.looseObject({
  version: z.unknown().optional(),
  name: z.unknown().optional(),
  services: z
    .record(serviceName, serviceSchema)
    .refine((all) => Object.keys(all).length > 0, { error: "there is no service in it" })
    .refine((all) => Object.keys(all).length <= maxServices, { error: `it has more than ${maxServices} services` }),
  networks: z.record(z.string().max(100), plainNetwork.nullable()).nullish(),
  volumes: z.record(serviceName, plainVolume.nullable()).nullish(),
});
const topKeys: ReadonlySet<string> = new Set(["version", "name", "services", "networks", "volumes"]);

type Path = readonly (string | number)[];
interface Problem {
  readonly path: Path;
  readonly message: string;
}

/**
 * Reads a compose file as a set to be checked: services, the volumes between them, and folders below the file. Whatever would reach for more of the machine (privileges, its network, its devices, its sockets, other files) is
 * refused with its place, and so is what is not known. Variables have the defaults that the file gives; those of Tidemill stay Tidemill's. Never throws. The Compose Specification.
 */
export function parseComposeSet(text: string): ParsedComposeSet {
  if (text.length > maxComposeSet) return invalid([`1:1: it is larger than ${maxComposeSet} characters`]);
  const read = readYamlMapping(text, "it has several documents: one set is checked");
  if (read.kind === "invalid") return invalid(read.problems);
  const say = ({ path, message }: Problem): string => read.say(path, message);
  const problems: Problem[] = [];
  const value = interpolate(read.value, [], problems);
  for (const key of Object.keys(value as object))
    if (!topKeys.has(key) && !key.startsWith("x-")) problems.push({ path: [key], message: whyRefused(key) });
  const parsed = tryShape(fileSchema, value);
  if (!parsed.success) problems.push(...parsed.issues.flatMap(explain));
  if (!parsed.success || problems.length > 0) return invalid(problems.map(say));
  const { services, volumes } = parsed.data;
  const set = { services, volumes: Object.keys(volumes ?? {}) };
  problems.push(...checkNames(set));
  return problems.length > 0 ? invalid(problems.map(say)) : { kind: "ok", set };
}

/** The images that its services name, by service. */
export function imagesOfSet({ services }: ComposeSet): ReadonlyMap<string, string> {
  return new Map(Object.entries(services).map(([name, { image }]) => [name, image]));
}

function invalid(problems: readonly string[]): ParsedComposeSet {
  return { kind: "invalid", problems: problems.slice(0, maxProblems).map((one) => printable(one.slice(0, 500))) };
}

function explain(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((part) => (typeof part === "number" ? part : String(part)));
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => ({ path: [...path, key], message: whyRefused(key) }));
  // Of a choice, what is wrong with the branch that came closest says more than that none was taken.
  if (issue.code === "invalid_union") {
    const [best] = [...issue.errors].sort((a, b) => deepest(b) - deepest(a));
    if (best !== undefined && deepest(best) > 0)
      return best.flatMap((one) => explain({ ...one, path: [...issue.path, ...one.path] }));
  }
  return [{ path, message: issue.message }];
}

function deepest(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map((one) => (one.code === "custom" ? 1 : 0) + one.path.length));
}

function whyRefused(key: string): string {
  const known = Object.hasOwn(refusedKeys, key) ? refusedKeys[key] : undefined;
  if (key === "include") return "it would be read from another file: write it out";
  return known ?? "it is not known in a set that is checked";
}

function checkNames({ services, volumes }: ComposeSet): Problem[] {
  return Object.entries(services).flatMap(([name, service]) => {
    const missing = Object.keys(service.depends_on ?? {}).filter((one) => !Object.hasOwn(services, one));
    const undeclared = (service.volumes ?? []).flatMap(({ kind, source }) =>
      kind === "volume" && source !== undefined && !volumes.includes(source) ? [source] : [],
    );
    return [
      ...missing.map((one) => ({ path: ["services", name, "depends_on"], message: `there is no service ${one}` })),
      ...undeclared.map((one) => ({
        path: ["services", name, "volumes"],
        message: `the volume ${one} is not declared below \`volumes:\``,
      })),
    ];
  });
}

/** Puts the file's own defaults in place of variables, as Compose does where none of them is set. The Compose Specification, "Interpolation". */
function interpolate(value: unknown, path: Path, problems: Problem[]): unknown {
  if (path.length > maxDepth) {
    problems.push({ path, message: "it is nested too deep" });
    return undefined;
  }
  if (typeof value === "string")
    return value.replaceAll(
      /\$(?:(\$)|\{([A-Za-z_]\w*)(?::?-([^{}]*))?\}|([A-Za-z_]\w*)|)/g,
      (whole, dollar?: string, braced?: string, given?: string, bare?: string) => {
        if (dollar !== undefined) return "$";
        if (given !== undefined) return given;
        const name = braced ?? bare;
        const message =
          name === undefined
            ? `${JSON.stringify(value.slice(0, 100))} has a \`$\` that cannot be read: \`$$\` is one, \`\${NAME:-default}\` a variable`
            : `the variable ${name} has no default, and a set is told nothing of Tidemill's environment: \`\${${name}:-default}\``;
        problems.push({ path, message });
        return whole;
      },
    );
  if (Array.isArray(value)) return value.map((one, at) => interpolate(one, [...path, at], problems));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [key, interpolate(one, [...path, key], problems)]),
  );
}
