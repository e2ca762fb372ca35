import { canonicalJson, sha256, type Digest } from "../../lib/index.ts";
import { variablePlaces } from "./parse-config.ts";
import type { Config } from "./schema.ts";

/** Where packages come from is a rule, also where a variable says it. */
const rules = new Set(["mirror", "securityMirror"]);

/**
 * What tells the rules that a fleet is run by from all others: the SHA-256 of the configuration with every default filled in, in canonical JSON. Secrets, and addresses that may hold some, have no part in it. Files that the
 * configuration names (keys, contexts) are in it by their names.
 */
export function policyDigest(config: Config): Digest {
  const hidden = variablePlaces.filter((place) => !rules.has(place.at(-1) ?? ""));
  return sha256(canonicalJson(without(config, hidden)));
}

function without(value: unknown, places: readonly (readonly string[])[]): unknown {
  if (places.length === 0 || typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => {
    const below = places.filter(([first]) => first === "*" || first === key).map((place) => place.slice(1));
    return [key, below.some((place) => place.length === 0) ? null : without(inner, below)];
  });
  return Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries);
}
