import { compareDebText } from "../version/index.ts";
import { PackagesError } from "./error.ts";
import { firstMention } from "./first-mention.ts";
import { parsePackageRecord } from "./package-record.ts";
import { parseRelations } from "./relation.ts";
import { indexStanzas } from "./stanza-index.ts";
import type { DebArchitecture, PackageRecord, PackageUniverse } from "./types.ts";

/** One Packages index: whose it is, and its text's bytes. */
export interface PackagesIndex {
  /** Name of the upstream that offers it. */
  readonly origin: string;
  readonly bytes: Uint8Array;
}

const none = -1;
const anyQualifier = ":any";

/**
 * What several Packages indices offer for one architecture, as apt merges them: in the order given, the same package of the
 * same version and content counts once. The bytes are kept and must not change: a stanza is parsed when it is first asked
 * for. Stanzas of other architectures are left out. Throws as {@link indexStanzas} does; asking for a malformed stanza throws
 * BAD_STANZA.
 */
export function createUniverse(architecture: DebArchitecture, indices: readonly PackagesIndex[]): PackageUniverse {
  const files = indices.map(({ origin, bytes }) => ({ origin, index: indexStanzas(bytes, origin) }));
  const total = files.reduce((sum, { index }) => sum + index.count, 0);
  const owner = new Uint16Array(total);
  const local = new Uint32Array(total);
  /** The stanza of the same package after this one. */
  const following = new Int32Array(total).fill(none);
  const firstOf = new Map<string, number>();
  const lastOf = new Map<string, number>();
  const providing = new Map<string, number[]>();

  let base = 0;
  for (const [file, { index }] of files.entries()) {
    for (let stanza = 0; stanza < index.count; stanza += 1) {
      const id = base + stanza;
      const name = index.name(stanza);
      owner[id] = file;
      local[id] = stanza;
      const first = firstOf.get(name);
      if (first === undefined) {
        firstOf.set(name, id);
      } else {
        following[lastOf.get(name) ?? first] = id;
        lastOf.set(name, id);
      }
    }
    index.eachField("Provides", (stanza, value) => {
      for (const name of namesIn(value)) append(providing, name, base + stanza);
    });
    base += index.count;
  }

  const records = new Map<number, PackageRecord>();
  const versionsOf = new Map<string, readonly PackageRecord[]>();
  const providersOf = new Map<string, readonly Provider[]>();
  const mentions = new Map<string, number>();
  let essentialNames: readonly string[] | undefined;

  function recordOf(id: number): PackageRecord {
    const known = records.get(id);
    if (known !== undefined) return known;
    const file = files[owner[id] ?? none];
    if (file === undefined) throw new PackagesError("BAD_STANZA", `there is no stanza ${id}`);
    const record = parsePackageRecord(file.index.text(local[id] ?? 0), file.origin);
    records.set(id, record);
    return record;
  }

  function fits(record: PackageRecord): boolean {
    return record.architecture === architecture || record.architecture === "all";
  }

  function findVersions(name: string): PackageRecord[] {
    const found: PackageRecord[] = [];
    for (let id = firstOf.get(name) ?? none; id !== none; id = following[id] ?? none) {
      const record = recordOf(id);
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
    for (const id of providing.get(bare ?? name) ?? []) {
      const record = recordOf(id);
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

  function findEssential(): string[] {
    const names = new Set<string>();
    for (const { index } of files) {
      index.eachField("Essential", (stanza, value) => {
        if (value.trim() === "yes") names.add(index.name(stanza));
      });
    }
    return [...names];
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
      essentialNames ??= findEssential();
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

/** The names in a Provides field, each once, without versions and qualifiers. */
function namesIn(value: string): Set<string> {
  const names = new Set<string>();
  for (const part of value.split(",")) {
    const text = part.trimStart();
    let end = 0;
    while (end < text.length && !isNameEnd(text.charCodeAt(end))) end += 1;
    if (end > 0) names.add(text.slice(0, end));
  }
  return names;
}

function isNameEnd(code: number): boolean {
  // space, tab, newline, "(", ":", "[", "<"
  return code <= 32 || code === 40 || code === 58 || code === 91 || code === 60;
}

function append(lists: Map<string, number[]>, name: string, id: number): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [id]);
  else list.push(id);
}
