import { PackagesError } from "./error.ts";

export type RelationOperator = "<<" | "<=" | "=" | ">=" | ">>";

/** One package that a relation field names. Debian Policy 7.1. */
export interface Relation {
  readonly name: string;
  /** What follows the colon of the name: `any`, `native` or an architecture. */
  readonly qualifier: string | undefined;
  readonly operator: RelationOperator | undefined;
  readonly version: string | undefined;
}

/** Relations parted by `|`: any one of them will do. */
export type RelationGroup = readonly Relation[];

const maxCharacters = 1024 * 1024;
const maxRelations = 20_000;
const maxCached = 20_000;
const maxCachedCharacters = 4_096;
const cache = new Map<string, readonly RelationGroup[]>();

// name, qualifier, operator, version, then an architecture list and build profiles, which mean nothing in a binary package
const shape =
  /^([A-Za-z0-9][A-Za-z0-9+.~_-]*)(?::([a-z0-9-]+))? ?(?:\( ?(<<|<=|=|>=|>>|<|>)? ?([^\s()<>=,|]+) ?\))? ?(?:\[[^\][]*\] ?)?(?:<[^<>]*> ?)*$/;

const whitespace = /\s+/g;

/**
 * The groups of a relation field such as Depends or Provides: all of them hold, in each group any one. Architecture lists
 * and build profiles are ignored, `<` and `>` are read as `<=` and `>=`, a version without an operator as `=`, as dpkg does.
 * Throws BAD_RELATION, naming the part, and TOO_LARGE past a million characters or 20,000 relations. Results are shared: the
 * same text gives the same object while it is remembered.
 */
export function parseRelations(text: string): readonly RelationGroup[] {
  const known = cache.get(text);
  if (known !== undefined) return known;
  if (text.length > maxCharacters) throw tooLarge(`${text.length} characters`);
  const groups: RelationGroup[] = [];
  let count = 0;
  for (const part of text.split(",")) {
    if (part.trim() === "") continue;
    const group = part.split("|").map(parseRelation);
    count += group.length;
    if (count > maxRelations) throw tooLarge(`more than ${maxRelations} relations`);
    groups.push(group);
  }
  if (text.length <= maxCachedCharacters) {
    if (cache.size >= maxCached) cache.clear();
    cache.set(text, groups);
  }
  return groups;
}

function parseRelation(part: string): Relation {
  const found = shape.exec(part.trim().replace(whitespace, " "));
  const name = found?.[1];
  if (name === undefined) {
    throw new PackagesError("BAD_RELATION", `"${part.trim().slice(0, 160)}" is not a relation to a package`);
  }
  const version = found?.[4];
  return {
    name,
    qualifier: found?.[2],
    operator: version === undefined ? undefined : operatorOf(found?.[3]),
    version,
  };
}

function operatorOf(text: string | undefined): RelationOperator {
  if (text === "<") return "<=";
  if (text === ">") return ">=";
  return (text as RelationOperator | undefined) ?? "=";
}

/** A relation as a control file writes it. */
export function formatRelation(relation: Relation): string {
  const name = relation.qualifier === undefined ? relation.name : `${relation.name}:${relation.qualifier}`;
  return relation.version === undefined ? name : `${name} (${relation.operator} ${relation.version})`;
}

function tooLarge(what: string): PackagesError {
  return new PackagesError("TOO_LARGE", `a relation field has ${what}`);
}
