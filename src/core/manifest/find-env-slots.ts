import { refuseAt, type Locate } from "./error.ts";
import { beginsWithRepository, findDigest, parseMarker, repositoryOf } from "./read-text.ts";
import type { ManifestImage, Slot } from "./types.ts";

const assignment = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*/;
const lostHint = "Write it at the end of a line `NAME=value`, or on the line before.";

/** The places of an image in a file of variables (`NAME=value`): by a marker at the end of the line or on the line before, or by repository. */
export function findEnvSlots(path: string, text: string, wanted: ManifestImage, locate: Locate): Slot[] {
  const slots: Slot[] = [];
  const names = new Set<string>();
  let marker: { readonly image: string; readonly at: number } | undefined;
  let at = 0;
  /** The quote that a value of several lines ends with. */
  let open: string | undefined;
  const refuse = (offset: number, why: string, hint: string) => refuseAt(path, locate, offset, why, hint);
  for (const whole of text.split("\n")) {
    const start = at;
    at += whole.length + 1;
    const line = whole.endsWith("\r") ? whole.slice(0, -1) : whole;
    if (open !== undefined) {
      if (findQuote(line, open, 0) >= 0) open = undefined;
      continue;
    }
    const skipped = start === 0 && line.startsWith("\uFEFF") ? 1 : 0;
    const bare = line.slice(skipped);
    if (/^\s*#/.test(bare)) {
      const said = readMarker(bare, () => start, refuse);
      if (said !== undefined && marker !== undefined) throw refuse(marker.at, "the marker is of no value", lostHint);
      if (said !== undefined) marker = { image: said, at: start };
      continue;
    }
    const [head, name = ""] = assignment.exec(bare) ?? [];
    const before = marker;
    marker = undefined;
    if (head === undefined) {
      if (before !== undefined) throw refuse(before.at, "the marker is of no value", lostHint);
      continue;
    }
    const value = readValue(line, skipped + head.length);
    if (value.kind === "open") {
      open = value.quote;
      if (before !== undefined) throw refuse(start, "the marked value has several lines", "Write it on one line.");
      continue;
    }
    const own = readMarker(value.comment, () => start + value.end, refuse);
    if (own !== undefined && before !== undefined) throw refuse(start, "two markers are of one value", "Leave one.");
    const slot = findSlot(name, value.text, start + value.start, own ?? before?.image, wanted, refuse);
    if (slot === undefined) continue;
    if (names.has(name)) throw refuse(start, `${name} is set twice`, "Leave one of them.");
    names.add(name);
    slots.push(slot);
  }
  if (marker !== undefined) throw refuse(marker.at, "the marker is of no value", lostHint);
  return slots;
}

type Refuse = (offset: number, why: string, hint: string) => Error;

function findSlot(
  name: string,
  text: string,
  start: number,
  marked: string | undefined,
  { image, repository }: ManifestImage,
  refuse: Refuse,
): Slot | undefined {
  const isIts = repositoryOf(text) === repositoryOf(repository);
  if (marked !== undefined && marked !== image) {
    if (isIts) throw refuse(start, `it names ${image}, and its marker ${marked}`, "Put the marker right.");
    return undefined;
  }
  const isReference = isIts && (text.includes("@") || /image$/i.test(name) || marked !== undefined);
  if (marked === undefined && !isReference) {
    if (beginsWithRepository(text, repository) && /\$|\{\{/.test(text))
      throw refuse(start, "what is made of variables cannot be changed", "Mark the variable that holds the digest.");
    return undefined;
  }
  const slot = findDigest(text, start, isReference);
  if (slot !== undefined) return slot;
  throw refuse(start, "the marked value has no digest", "Write one there once: `sha256:…`, or leave it empty.");
}

function readMarker(comment: string, at: () => number, refuse: Refuse): string | undefined {
  const marker = parseMarker(comment);
  if (marker === null) throw refuse(at(), "the marker cannot be read", "Write `# tidemill: IMAGE`.");
  return marker;
}

type Value =
  | {
      readonly kind: "value";
      readonly start: number;
      readonly end: number;
      readonly text: string;
      readonly comment: string;
    }
  | { readonly kind: "open"; readonly quote: string };

/** The value that begins at `from`: between its quotes, or up to a comment. */
function readValue(line: string, from: number): Value {
  const quote = line[from];
  if (quote === '"' || quote === "'") {
    const end = findQuote(line, quote, from + 1);
    if (end < 0) return { kind: "open", quote };
    const comment = line.slice(end + 1).trim();
    return { kind: "value", start: from + 1, end, text: line.slice(from + 1, end), comment };
  }
  const rest = line.slice(from);
  const hash = /(?:^|\s)#/.exec(rest);
  const text = rest.slice(0, hash?.index ?? rest.length).trimEnd();
  const comment = hash === null ? "" : rest.slice(hash.index).trim();
  return { kind: "value", start: from, end: from + text.length, text, comment };
}

function findQuote(line: string, quote: string, from: number): number {
  for (let at = from; at < line.length; at += 1) {
    if (line[at] === "\\" && quote === '"') at += 1;
    else if (line[at] === quote) return at;
  }
  return -1;
}
