import { compareDebText } from "../version/index.ts";
import { firstMention } from "./first-mention.ts";
import { openPackages } from "./offered-packages.ts";
import { parseRelations } from "./relation.ts";
import type { DebArchitecture, PackageRecord, PackageUniverse } from "./types.ts";

/** One Packages index: whose it is, and its text's bytes. */
export interface PackagesIndex {
  /** Name of the upstream that offers it. */
  readonly origin: string;
  readonly bytes: Uint8Array;
}

const anyQualifier = ":any";

/**
 * What several Packages indices offer for one architecture, as apt merges them: in the order given, the same package of the
 * same version and content counts once. The bytes are kept and must not change: a stanza is parsed when it is first asked
 * for. Stanzas of other architectures are left out. Throws as {@link openPackages} does; asking for a malformed stanza throws
 * BAD_STANZA.
 */
export function createUniverse(architecture: DebArchitecture, indices: readonly PackagesIndex[]): PackageUniverse {
  const files = indices.map(({ origin, bytes }) => openPackages(bytes, origin));
  const versionsOf = new Map<string, readonly PackageRecord[]>();
  const providersOf = new Map<string, readonly Provider[]>();
  const mentions = new Map<string, number>();
  let essentialNames: readonly string[] | undefined;

  function fits(record: PackageRecord): boolean {
    return record.architecture === architecture || record.architecture === "all";
  }

  function findVersions(name: string): PackageRecord[] {
    const found: PackageRecord[] = [];
    for (const record of files.flatMap((file) => file.stanzasOf(name).map((stanza) => file.record(stanza)))) {
      const same = found.some((other) => other.version === record.version && other.sha256 === record.sha256);
      if (fits(record) && !same) found.push(record);
    }
    return found.sort((a, b) => compareDebText(b.version, a.version));
  }

  function versions(name: string): readonly PackageRecord[] {
    const known = versionsOf.get(name);
    if (known !== undefined) return known;
    const found = findVersions(name);
    if (found.length > 0) versionsOf.set(name, found);
    return found;
  }

  function findProviders(name: string): Provider[] {
    const found: Provider[] = [];
    const bare = name.endsWith(anyQualifier) ? name.slice(0, -anyQualifier.length) : undefined;
    if (bare !== undefined) {
      for (const record of versions(bare)) {
        if (record.multiArch === "allowed") found.push({ record, version: record.version });
      }
    }
    for (const record of files.flatMap((file) => file.providing(bare ?? name).map((stanza) => file.record(stanza)))) {
      // the stanza may be one that versions() merged into another
      if (!versions(record.name).includes(record)) continue;
      for (const [relation] of providesOf(record)) {
        if (relation === undefined || relation.name !== (bare ?? name)) continue;
        if (relation.operator !== undefined && relation.operator !== "=") continue;
        if (!isProvided(relation.qualifier, bare !== undefined, record)) continue;
        const self = relation.name === record.name && (relation.version ?? record.version) === record.version;
        if (!self) found.push({ record, version: relation.version });
      }
    }
    return found;
  }

  /** Whether a Provides with this qualifier serves a dependency on the name, or on `name:any`. */
  function isProvided(qualifier: string | undefined, onAny: boolean, record: PackageRecord): boolean {
    if (onAny) return qualifier === "any" || (qualifier === undefined && record.multiArch === "allowed");
    return qualifier === undefined || qualifier === architecture;
  }

  return {
    architecture,
    versions,
    providers(name) {
      const known = providersOf.get(name);
      if (known !== undefined) return known;
      const found = findProviders(name);
      if (found.length > 0) providersOf.set(name, found);
      return found;
    },
    essential() {
      essentialNames ??= [...new Set(files.flatMap((file) => file.essential()))];
      return essentialNames;
    },
    mention(name) {
      let known = mentions.get(name);
      if (known === undefined) {
        known = firstMention(
          files.map(({ index }) => index),
          name,
          architecture,
        );
        mentions.set(name, known);
      }
      return known;
    },
  };
}

type Provider = { readonly record: PackageRecord; readonly version: string | undefined };

const providesField = /^Provides:(.*(?:\n[ \t].*)*)/im;

function providesOf(record: PackageRecord) {
  return parseRelations(providesField.exec(record.stanza)?.[1] ?? "");
}
