import { isAlias, isMap, isScalar, isSeq, type Document, type Node, type Scalar, type YAMLMap } from "yaml";
import { refuseAt, type Locate } from "./error.ts";
import { beginsWithRepository, findDigest, parseMarker, repositoryOf, spellingsOf } from "./read-text.ts";
import { readYaml } from "./read-yaml.ts";
import type { ManifestImage, Slot } from "./types.ts";

/** A value: a scalar, where it is used from, and under which key. */
interface Value {
  readonly scalar: Scalar<string>;
  /** Of the alias where it is used by one. */
  readonly at: number;
  readonly key: string;
  readonly isAlias: boolean;
}

/** What a value says of a repository: that its digest is there. */
interface Use {
  readonly repository: string;
  readonly at: number;
  readonly isReference: boolean;
}

/** What each alias names. */
type Targets = ReadonlyMap<Node, Node>;

interface Search {
  readonly text: string;
  readonly wanted: ManifestImage;
  readonly ours: string | undefined;
  readonly refuse: (offset: number, why: string, hint: string) => Error;
}

const mostMerged = 64;
const markerHint = "Write `# tidemill: IMAGE` at the end of the line that holds the digest, or on the line before.";

/**
 * The places of an image in YAML: whole references (Kubernetes, compose), `repository` beside `digest` (Helm values), entries of `images` with `name` or `newName` beside `digest` (Kustomize), and what a marker says. YAML 1.2.2;
 * merge keys as YAML 1.1 has them.
 */
export function findYamlSlots(path: string, text: string, wanted: ManifestImage, locate: Locate): Slot[] {
  const refuse: Search["refuse"] = (offset, why, hint) => refuseAt(path, locate, offset, why, hint);
  const search: Search = { text, wanted, ours: repositoryOf(wanted.repository), refuse };
  const { documents, comments } = readYaml(path, text, locate);
  const markers = new Map<number, { readonly image: string; readonly at: number }>();
  for (const { offset, source } of comments) {
    const image = parseMarker(source);
    if (image === undefined) continue;
    if (image === null) throw refuse(offset, "the marker cannot be read", "Write `# tidemill: IMAGE`.");
    const { line } = locate(offset);
    const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
    const isAlone = text.slice(lineStart, offset).replace("\uFEFF", "").trim() === "";
    const marked = isAlone ? line + 1 : line;
    if (markers.has(marked)) throw refuse(offset, "two markers are of one line", "Leave one.");
    markers.set(marked, { image, at: offset });
  }
  const slots = documents.flatMap((document) => findInDocument(document, search, markers, locate));
  for (const { at } of markers.values()) throw refuse(at, "the marker is of no value", markerHint);
  return slots;
}

/** Takes the markers that it has found a value for out of `markers`. */
function findInDocument(
  document: Document,
  search: Search,
  markers: Map<number, { readonly image: string; readonly at: number }>,
  locate: Locate,
): Slot[] {
  const { wanted, ours, refuse } = search;
  const { maps, values, targets, duplicate } = collect(document, refuse);
  const uses = new Map<Scalar<string>, Use[]>();
  const use = (scalar: Scalar<string>, one: Use): void => void uses.set(scalar, [...(uses.get(scalar) ?? []), one]);
  // What asks a registry for its tags names no image that runs.
  const kind = isMap(document.contents) ? valueOf(targets, document.contents, "kind", refuse)?.scalar.value : undefined;
  const apart = new Set<Scalar<string>>();
  const known = new Set<number>();
  for (const map of maps) {
    const found = findSplit(targets, map, search);
    if (found === undefined) continue;
    apart.add(found.named);
    known.add(found.usedAt);
    use(found.scalar, { repository: found.repository, at: found.at, isReference: false });
  }
  const marked = findMarked(values, markers, search, locate);
  for (const value of kind === "ImageRepository" ? [] : values) {
    const found = apart.has(value.scalar) ? undefined : findReference(value, search);
    if (found !== undefined) use(value.scalar, { repository: found, at: value.at, isReference: true });
  }
  for (const [scalar, image] of marked) {
    const named = (uses.get(scalar) ?? []).some(({ repository }) => repository === ours);
    if (image !== wanted.image && named)
      throw refuse(startOf(scalar), `it names ${wanted.image}, and its marker ${image}`, "Put the marker right.");
    if (image === wanted.image && !named && ours !== undefined)
      use(scalar, { repository: ours, at: startOf(scalar), isReference: repositoryOf(scalar.value) === ours });
  }
  const aliases = values.filter(({ isAlias }) => isAlias);
  const slots: Slot[] = [];
  for (const [scalar, all] of uses) {
    if (!all.some(({ repository }) => repository === ours)) continue;
    const other = all.find(({ repository }) => repository !== ours);
    if (other !== undefined)
      throw refuse(
        other.at,
        `what is used here for ${other.repository.slice(0, 200)} is used for ${wanted.image} as well`,
        "Give each image a digest of its own, without anchor and alias.",
      );
    const strange = aliases.find(
      ({ scalar: one, at, key }) =>
        one === scalar && /(?:digest|tag)$/i.test(key) && !known.has(at) && !marked.has(scalar),
    );
    if (strange !== undefined && !all.some(({ isReference }) => isReference))
      throw refuse(
        strange.at,
        `it cannot be told whether this is ${wanted.image} as well`,
        `Give it a digest of its own, or mark the one that has the anchor with \`# tidemill: ${wanted.image}\`.`,
      );
    if (duplicate !== undefined)
      throw refuse(duplicate.at, `the key ${duplicate.key} stands there twice`, "Leave one of them.");
    slots.push(
      slotOf(
        scalar,
        all.some(({ isReference }) => isReference),
        search,
      ),
    );
  }
  return slots;
}

/** Every map, every scalar that is a value, and the first key that stands twice in a map. Aliases are not followed: what they name is seen where it stands. */
function collect(
  document: Document,
  refuse: Search["refuse"],
): {
  readonly maps: readonly YAMLMap[];
  readonly values: readonly Value[];
  readonly targets: Targets;
  readonly duplicate: { readonly key: string; readonly at: number } | undefined;
} {
  const maps: YAMLMap[] = [];
  const values: Value[] = [];
  let duplicate: { readonly key: string; readonly at: number } | undefined;
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  const note = (node: unknown): void => {
    if ((isMap(node) || isSeq(node) || isScalar(node)) && node.anchor !== undefined) anchors.set(node.anchor, node);
    if (!isAlias(node)) return;
    const target = anchors.get(node.source);
    if (target === undefined)
      throw refuse(startOf(node), "the alias names nothing", "Give what it means an anchor of that name, above.");
    targets.set(node, target);
  };
  const visit = (node: unknown, key: string): void => {
    note(node);
    const value = readValue(targets, node, key);
    if (value !== undefined) values.push(value);
    if (isSeq(node)) for (const item of node.items) visit(item, key);
    if (!isMap(node)) return;
    maps.push(node);
    const seen = new Set<string>();
    for (const pair of node.items) {
      const name = isText(pair.key) ? pair.key.value : "";
      if (isText(pair.key) && seen.has(name)) duplicate ??= { key: name.slice(0, 100), at: startOf(pair.key) };
      seen.add(name);
      note(pair.key);
      visit(pair.value, name);
    }
  };
  visit(document.contents, "");
  return { maps, values, targets, duplicate };
}

function readValue(targets: Targets, node: unknown, key: string): Value | undefined {
  if (isText(node)) return { scalar: node, at: startOf(node), key, isAlias: false };
  if (!isAlias(node)) return undefined;
  const named = targets.get(node);
  return isText(named) ? { scalar: named, at: startOf(node), key, isAlias: true } : undefined;
}

function isText(node: unknown): node is Scalar<string> {
  return isScalar(node) && typeof node.value === "string" && Array.isArray(node.range);
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

/** The value of a key: the map's own, else what is merged into it (`<<: *base`), the first that has it. Each map is asked once, or what merges itself, or one many times over, would have no end. */
function valueOf(
  targets: Targets,
  map: YAMLMap,
  key: string,
  refuse: Search["refuse"],
  asked = new Set<YAMLMap>(),
): Value | undefined {
  asked.add(map);
  if (asked.size > mostMerged)
    throw refuse(startOf(map), `more than ${mostMerged} maps are merged into one`, "Leave the file out of `files:`.");
  const pair = map.items.find((one) => isText(one.key) && one.key.value === key);
  if (pair !== undefined) return readValue(targets, pair.value, key);
  for (const { key: name, value } of map.items) {
    if (!isText(name) || name.value !== "<<") continue;
    for (const one of isSeq(value) ? value.items : [value]) {
      const merged = isAlias(one) ? targets.get(one) : one;
      const found = isMap(merged) && !asked.has(merged) ? valueOf(targets, merged, key, refuse, asked) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The repository of a value that is a whole reference. */
function findReference({ scalar, at, key }: Value, { wanted, ours, refuse }: Search): string | undefined {
  const { value: text } = scalar;
  const isBlock = scalar.type === "BLOCK_LITERAL" || scalar.type === "BLOCK_FOLDED";
  if (isBlock) {
    const names = spellingsOf(wanted.repository).filter((name) => name.includes("/"));
    if (names.some((name) => text.includes(`${name}@sha256:`)))
      throw refuse(at, "it is named within a block of text", "Move it out of the block, or leave the file out.");
    return undefined;
  }
  const repository = repositoryOf(text);
  if (repository === undefined) {
    if (beginsWithRepository(text, wanted.repository) && /\{\{|\$/.test(text))
      throw refuse(
        at,
        "what a template fills in cannot be changed",
        "Name the file that holds the digest, with a marker there, and leave this one out of `files:`.",
      );
    if (beginsWithRepository(text, wanted.repository) && /@sha(?:256|512):/.test(text))
      throw refuse(at, "its digest cannot be read", "Write `sha256:` and 64 digits.");
    return undefined;
  }
  if (repository !== ours) return /image$/i.test(key) ? repository : undefined;
  return text.includes("@") || /image$/i.test(key) ? repository : undefined;
}

/** A map that names a repository and has a place of its own for the digest. */
function findSplit(
  targets: Targets,
  map: YAMLMap,
  { wanted, ours, refuse }: Search,
):
  | {
      readonly scalar: Scalar<string>;
      readonly named: Scalar<string>;
      readonly repository: string;
      readonly at: number;
      /** Of the digest, or of the alias that stands for it. */
      readonly usedAt: number;
    }
  | undefined {
  const get = (key: string): Value | undefined => valueOf(targets, map, key, refuse);
  const digest = get("digest");
  const tag = get("tag");
  const bare = digest === undefined && tag === undefined ? undefined : get("image");
  const helm = get("repository") ?? (bare !== undefined && /@|:[^/]*$/.test(bare.scalar.value) ? undefined : bare);
  const kustomize = get("newName") ?? (digest !== undefined || get("newTag") !== undefined ? get("name") : undefined);
  const named = helm ?? kustomize;
  if (named === undefined) return undefined;
  const registry = helm === undefined ? undefined : get("registry")?.scalar.value;
  const text = registry === undefined || registry === "" ? named.scalar.value : `${registry}/${named.scalar.value}`;
  const repository = repositoryOf(text);
  if (repository === undefined || /[@]/.test(text)) return undefined;
  const place = digest ?? (tag !== undefined && /@/.test(tag.scalar.value) ? tag : undefined);
  if (place !== undefined) {
    const { scalar, at: usedAt } = place;
    return { scalar, named: named.scalar, repository, at: startOf(map), usedAt };
  }
  if (repository !== ours) return undefined;
  const hasDigestKey = map.items.some(({ key }) => isText(key) && key.value === "digest");
  if (!hasDigestKey && tag === undefined && get("newTag") === undefined) return undefined;
  throw refuse(
    named.at,
    `${wanted.image} has no place for a digest here`,
    'Write `digest: ""` beside it once; where the chart knows none, a tag with one: `tag: "1@sha256:…"`.',
  );
}

/** The value that each marker of the document is of. */
function findMarked(
  values: readonly Value[],
  markers: Map<number, { readonly image: string; readonly at: number }>,
  { refuse, ours }: Search,
  locate: Locate,
): Map<Scalar<string>, string> {
  const marked = new Map<Scalar<string>, string>();
  if (markers.size === 0) return marked;
  const byLine = new Map<number, Value[]>();
  for (const value of values) {
    const { line } = locate(value.at);
    if (!markers.has(line)) continue;
    const known = byLine.get(line);
    if (known === undefined) byLine.set(line, [value]);
    else known.push(value);
  }
  for (const [line, all] of byLine) {
    const marker = markers.get(line);
    if (marker === undefined) continue;
    markers.delete(line);
    const digests = all.filter(({ scalar: { value } }) => /(?:^|@)sha(?:256|512):/.test(value) || value === "");
    const named = all.filter(({ scalar: { value } }) => repositoryOf(value) === ours);
    const [one, second] = all.length === 1 ? all : digests.length > 0 ? digests : named;
    if (one === undefined || second !== undefined)
      throw refuse(marker.at, "it cannot be told which value of the line is meant", "Write it on a line of its own.");
    if (one.isAlias) throw refuse(one.at, "an alias is marked", "Mark the value that has the anchor.");
    marked.set(one.scalar, marker.image);
  }
  return marked;
}

function slotOf(scalar: Scalar<string>, isReference: boolean, { text, refuse }: Search): Slot {
  const [start, end] = scalar.range ?? [0, 0];
  const quoted = scalar.type === "QUOTE_DOUBLE" || scalar.type === "QUOTE_SINGLE" ? 1 : 0;
  const isBlock = scalar.type === "BLOCK_LITERAL" || scalar.type === "BLOCK_FOLDED";
  if (isBlock || text.slice(start + quoted, end - quoted) !== scalar.value)
    throw refuse(
      start,
      "it is a block, or is written with escapes or over several lines",
      "Write it plainly, on one line.",
    );
  const slot = scalar.value === "" && quoted === 0 ? undefined : findDigest(scalar.value, start + quoted, isReference);
  if (slot !== undefined) return slot;
  throw refuse(start, "there is no digest that could be changed", 'Write one there once: `sha256:…`, or `""`.');
}
