import { parseRelations, type Relation, type RelationGroup } from "../packages/index.ts";
import { compareDebText, isDebVersion } from "../version/index.ts";
import type { Stanza } from "./dpkg-database.ts";
import type { PackageMerge, Stanzas } from "./merge-packages.ts";
import type { Refusal } from "./types.ts";

/** Who is there under a name: packages of that name, and what provides it, with the version that it provides. */
type Offers = ReadonlyMap<string, readonly { readonly version: string | undefined }[]>;

/**
 * Relations that held and do not hold any more: what packages of the application need or do not stand beside, and the same of packages that the base changed where the application
 * took something away or brought its own. Debian Policy 7.
 */
export function checkRelations(merge: PackageMerge, old: Stanzas, base: Stanzas, application: Stanzas): Refusal[] {
  const refusals: Refusal[] = [];
  const own = offersOf(new Map(merge.own.map((stanza) => [stanza.key, stanza])));
  // Most images have all of the base's packages: what those offer is looked at once.
  const offers = merge.baseIsWhole ? [offersOf(base), own] : [offersOf(merge.stanzas)];
  const check = (stanza: Stanza, before: Stanzas, others: readonly Offers[]): void => {
    if (!stanza.present) return;
    const was = (): readonly Offers[] => [offersOf(before)];
    for (const field of ["depends", "pre-depends"])
      for (const group of relationsOf(stanza, field))
        if (!holds(group, offers) && holds(group, was()))
          refusals.push(refusal(stanza, `needs ${describe(group)}, which is not there any more`));
    for (const field of ["conflicts", "breaks"])
      for (const group of relationsOf(stanza, field)) {
        const [relation] = group;
        if (relation === undefined || relation.name === stanza.name) continue;
        if (matches(relation, others) && !matches(relation, was()))
          refusals.push(refusal(stanza, `does not go with ${describe(group)}, which is there now`));
      }
  };
  for (const stanza of merge.own) check(stanza, application, offers);
  if (!merge.baseIsWhole || merge.own.length > 0)
    for (const stanza of movedIn(old, base)) if (merge.stanzas.get(stanza.key) === stanza) check(stanza, base, [own]);
  return refusals;
}

const moved = new WeakMap<Stanzas, { readonly old: Stanzas; readonly stanzas: readonly Stanza[] }>();

/** What the new base has otherwise than the old one. */
function movedIn(old: Stanzas, base: Stanzas): readonly Stanza[] {
  const known = moved.get(base);
  if (known?.old === old) return known.stanzas;
  const stanzas = [...base.values()].filter((stanza) => old.get(stanza.key) !== stanza);
  moved.set(base, { old, stanzas });
  return stanzas;
}

function refusal({ name, version }: Stanza, what: string): Refusal {
  return { code: "dependency", package: name, message: `${name} ${version} ${what}` };
}

const offered = new WeakMap<Stanzas, Offers>();

function offersOf(stanzas: Stanzas): Offers {
  const known = offered.get(stanzas);
  if (known !== undefined) return known;
  const offers = new Map<string, { version: string | undefined }[]>();
  const add = (name: string, version: string | undefined): void => {
    const list = offers.get(name);
    if (list === undefined) offers.set(name, [{ version }]);
    else list.push({ version });
  };
  for (const stanza of stanzas.values()) {
    if (!stanza.present) continue;
    add(stanza.name, stanza.version);
    for (const [relation] of relationsOf(stanza, "provides"))
      if (relation !== undefined) add(relation.name, relation.operator === "=" ? relation.version : undefined);
  }
  offered.set(stanzas, offers);
  return offers;
}

/** A field that cannot be understood relates to nothing: dpkg would not have installed the package. */
function relationsOf(stanza: Stanza, field: string): readonly RelationGroup[] {
  const text = stanza.fields.get(field);
  if (text === undefined) return [];
  try {
    return parseRelations(text);
  } catch {
    return [];
  }
}

function holds(group: RelationGroup, offers: readonly Offers[]): boolean {
  return group.some((relation) => matches(relation, offers));
}

function matches({ name, operator, version }: Relation, offers: readonly Offers[]): boolean {
  const list = offers.flatMap((each) => each.get(name) ?? []);
  if (list.length === 0) return false;
  if (operator === undefined || version === undefined) return true;
  return list.some(({ version: there }) => {
    if (there === undefined || !isDebVersion(there) || !isDebVersion(version)) return false;
    const order = compareDebText(there, version);
    if (operator === "<<") return order < 0;
    if (operator === "<=") return order <= 0;
    if (operator === "=") return order === 0;
    if (operator === ">=") return order >= 0;
    return order > 0;
  });
}

function describe(group: RelationGroup): string {
  return group
    .map(({ name, operator, version }) => (version === undefined ? name : `${name} (${operator} ${version})`))
    .join(" | ");
}
