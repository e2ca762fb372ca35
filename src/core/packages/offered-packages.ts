import { parsePackageRecord } from "./package-record.ts";
import { indexStanzas, type StanzaIndex } from "./stanza-index.ts";
import type { PackageRecord } from "./types.ts";

/** What one Packages index offers, by name; records are parsed when they are first asked for. */
export interface OfferedPackages {
  readonly index: StanzaIndex;
  /** Stanzas of the package, in their order. */
  stanzasOf(name: string): readonly number[];
  /** Stanzas whose Provides names it, in their order. */
  providing(name: string): readonly number[];
  record(stanza: number): PackageRecord;
  essential(): readonly string[];
}

const none = -1;
const nothing: readonly number[] = [];
const opened = new WeakMap<Uint8Array, Map<string, OfferedPackages>>();

/**
 * The packages of the index in `bytes`, which must not change. They are worked out once for the same bytes, however many universes have them: when a
 * security suite moves, the release beside it is as it was. Throws as {@link indexStanzas} does.
 */
export function openPackages(bytes: Uint8Array, origin: string): OfferedPackages {
  let known = opened.get(bytes);
  if (known === undefined) opened.set(bytes, (known = new Map()));
  let offered = known.get(origin);
  if (offered === undefined) known.set(origin, (offered = createOffered(bytes, origin)));
  return offered;
}

function createOffered(bytes: Uint8Array, origin: string): OfferedPackages {
  const index = indexStanzas(bytes, origin);
  /** The stanza of the same package after this one. */
  const following = new Int32Array(index.count).fill(none);
  const firstOf = new Map<string, number>();
  const lastOf = new Map<string, number>();
  const provided = new Map<string, number[]>();
  const records = new Map<number, PackageRecord>();
  let essential: readonly string[] | undefined;

  for (let stanza = 0; stanza < index.count; stanza += 1) {
    const name = index.name(stanza);
    const first = firstOf.get(name);
    if (first === undefined) {
      firstOf.set(name, stanza);
    } else {
      following[lastOf.get(name) ?? first] = stanza;
      lastOf.set(name, stanza);
    }
  }
  index.eachField("Provides", (stanza, value) => {
    for (const name of namesIn(value)) append(provided, name, stanza);
  });

  return {
    index,
    stanzasOf: (name) => {
      const first = firstOf.get(name);
      if (first === undefined) return nothing;
      const found: number[] = [];
      for (let stanza = first; stanza !== none; stanza = following[stanza] ?? none) found.push(stanza);
      return found;
    },
    providing: (name) => provided.get(name) ?? nothing,
    record: (stanza) => {
      let record = records.get(stanza);
      if (record === undefined) records.set(stanza, (record = parsePackageRecord(index.text(stanza), origin)));
      return record;
    },
    essential: () => (essential ??= findEssential(index)),
  };
}

function findEssential(index: StanzaIndex): string[] {
  const names = new Set<string>();
  index.eachField("Essential", (stanza, value) => {
    if (value.trim() === "yes") names.add(index.name(stanza));
  });
  return [...names];
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

function append(lists: Map<string, number[]>, name: string, stanza: number): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [stanza]);
  else list.push(stanza);
}
