import { parseRelations, type PackageRecord, type PackageUniverse } from "../packages/index.ts";
import { compareDebText } from "../version/index.ts";

/** What a package lacks in the image as it is: its name, and the names of a relation that nothing meets. */
export type KnownLacks = ReadonlySet<string>;

/** How a lack is named. */
export function lackKey(owner: string, names: readonly string[]): string {
  return `${owner} ${[...new Set(names.map((name) => name.replace(/:.*$/, "")))].sort().join("|")}`;
}

/**
 * What suites offer together with what is installed: of a version that is both, the installed one. Dependencies among `known` are left out of every version of their
 * package: an image that was made without them does not begin to need them.
 */
export function overlayUniverse(
  installed: PackageUniverse,
  offers: PackageUniverse,
  known: KnownLacks = new Set(),
): PackageUniverse {
  const versions = new Map<string, readonly PackageRecord[]>();
  const pruned = new Map<PackageRecord, PackageRecord>();
  const providers = new Map<string, ReturnType<PackageUniverse["providers"]>>();

  const prune = (record: PackageRecord): PackageRecord => {
    if (known.size === 0) return record;
    let made = pruned.get(record);
    if (made === undefined) pruned.set(record, (made = withoutLacks(record, known)));
    return made;
  };
  const isShadowed = (record: PackageRecord): boolean =>
    installed.versions(record.name).some(({ version }) => version === record.version);

  return {
    architecture: offers.architecture,
    versions: (name) => {
      let found = versions.get(name);
      if (found === undefined) {
        const both = [...installed.versions(name), ...offers.versions(name).filter((one) => !isShadowed(one))];
        found = both.sort((a, b) => compareDebText(b.version, a.version)).map(prune);
        versions.set(name, found);
      }
      return found;
    },
    providers: (name) => {
      let found = providers.get(name);
      if (found === undefined) {
        const offered = offers.providers(name).filter(({ record }) => !isShadowed(record));
        const all = [...installed.providers(name), ...offered];
        found = all.map(({ record, version }) => ({ record: prune(record), version }));
        providers.set(name, found);
      }
      return found;
    },
    essential: () => offers.essential(),
    mention: (name) => offers.mention(name),
  };
}

function withoutLacks(record: PackageRecord, known: KnownLacks): PackageRecord {
  let changed = false;
  const stanza = record.stanza.replace(
    /^((?:Pre-)?Depends):(.*(?:\n[ \t].*)*)$/gim,
    (whole, field: string, value: string) => {
      const groups = value.split(",");
      const kept = groups.filter((group) => {
        const [relation] = parseRelations(group);
        return relation === undefined || !known.has(lackKey(record.name, relation.map(namesOf)));
      });
      if (kept.length === groups.length) return whole;
      changed = true;
      return `${field}:${kept.join(",")}`;
    },
  );
  return changed ? { ...record, stanza } : record;
}

function namesOf({ name }: { readonly name: string }): string {
  return name;
}
