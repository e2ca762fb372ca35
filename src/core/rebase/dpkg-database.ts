/** One stanza of dpkg's status, or of another file of stanzas: its text, and what is in it whatever the order of its fields. */
export interface Stanza {
  /** Name and architecture. */
  readonly key: string;
  readonly name: string;
  readonly architecture: string;
  readonly version: string;
  /** The three words of `Status`; `install ok installed` where there is none, as in `status.d`. */
  readonly status: string;
  /** Whether files of it are there: everything but removed ones. dpkg(1), Package states. */
  readonly present: boolean;
  /** By name in lower case; continuation lines joined. */
  readonly fields: ReadonlyMap<string, string>;
  /** The same text for stanzas that say the same. */
  readonly canonical: string;
  readonly text: string;
}

export type StanzaFile =
  | { readonly kind: "read"; readonly stanzas: ReadonlyMap<string, Stanza> }
  | { readonly kind: "unreadable"; readonly problem: string };

const newline = 10;
const space = 32;
const maxStanzas = 100_000;
const maxRemembered = 100_000;
/** Most stanzas of a fleet's images are the same few: each is parsed once. */
const remembered = new Map<string, Stanza>();

/**
 * The stanzas of a file by name and architecture. dpkg writes the whole file anew with its own order of fields whenever it runs, so texts differ where nothing has
 * changed. Unreadable where a stanza names no package, or one comes twice: what is not understood is not merged. deb822(5), dpkg lib/dpkg/dump.c.
 */
export function parseStanzas(text: string, path: string): StanzaFile {
  const stanzas = new Map<string, Stanza>();
  for (let start = 0; start < text.length;) {
    const gap = text.indexOf("\n\n", start);
    const end = gap < 0 ? text.length : gap;
    const raw = text.slice(start, end);
    start = end + 2;
    if (raw === "" || (raw.charCodeAt(0) <= space && raw.trim() === "")) continue;
    const isPlain = raw.charCodeAt(0) !== newline && raw.charCodeAt(raw.length - 1) !== newline;
    const stanza = parseStanza(isPlain ? raw : raw.replace(/^\n+|\n+$/g, ""));
    if (stanza === undefined) return { kind: "unreadable", problem: `${path}: a stanza names no package` };
    if (stanzas.has(stanza.key)) return { kind: "unreadable", problem: `${path}: ${stanza.key} is in it twice` };
    if (stanzas.size >= maxStanzas) return { kind: "unreadable", problem: `${path}: more than ${maxStanzas} stanzas` };
    stanzas.set(stanza.key, stanza);
  }
  return { kind: "read", stanzas };
}

function parseStanza(text: string): Stanza | undefined {
  const known = remembered.get(text);
  if (known !== undefined) return known;
  const fields = new Map<string, string>();
  let current: string | undefined;
  for (const line of text.split("\n")) {
    const first = line.charCodeAt(0);
    if (first === 32 || first === 9) {
      if (current === undefined) return undefined;
      fields.set(current, `${fields.get(current) ?? ""}\n${line}`);
      continue;
    }
    const colon = line.indexOf(":");
    if (colon <= 0) return undefined;
    current = line.slice(0, colon).toLowerCase();
    if (fields.has(current)) return undefined;
    fields.set(current, line.slice(colon + 1).trim());
  }
  const name = fields.get("package") ?? "";
  if (name === "") return undefined;
  const architecture = fields.get("architecture") ?? "";
  const sorted = [...fields].sort(([a], [b]) => (a < b ? -1 : 1));
  const status = fields.get("status") ?? "install ok installed";
  const state = status.split(/\s+/)[2];
  const stanza = {
    key: `${name}:${architecture}`,
    name,
    architecture,
    version: fields.get("version") ?? "",
    status,
    present: state !== "not-installed" && state !== "config-files",
    fields,
    canonical: sorted.map(([field, value]) => `${field}:${value}`).join("\n"),
    // A copy: a slice would keep the whole file of the first image in memory.
    text: Buffer.from(text, "utf8").toString("utf8"),
  };
  if (remembered.size >= maxRemembered) remembered.clear();
  remembered.set(stanza.text, stanza);
  return stanza;
}

/** Whether two stanzas say the same. */
export function sameStanza(a: Stanza, b: Stanza): boolean {
  return a === b || a.canonical === b.canonical;
}

/** Stanzas as a file has them, each with an empty line after it. */
export function formatStanzas(stanzas: Iterable<Stanza>): string {
  let text = "";
  for (const stanza of stanzas) text += `${stanza.text}\n\n`;
  return text;
}
