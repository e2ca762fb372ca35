import { PackagesError } from "./error.ts";

/** One stanza of deb822 text: values by lower-case field name, in the order of the text. */
export type ControlStanza = ReadonlyMap<string, string>;

export interface ControlLimits {
  /** Characters of the whole text. */
  readonly characters?: number;
  readonly stanzas?: number;
  readonly fieldsPerStanza?: number;
}

const defaults = { characters: 512 * 1024 * 1024, stanzas: 1_000_000, fieldsPerStanza: 256 };
const fieldName = /^[!"$-,.-9;-~][!-9;-~]*$/;

/**
 * Stanzas of deb822 text (Debian Policy 5.1): blank lines part them, a line that begins with a space or tab continues the
 * field above it, a line that begins with `#` is a comment. A continued value keeps its line breaks and loses the first
 * character of each continuation. Throws BAD_CONTROL, naming the line, where the text is something else, and TOO_LARGE past
 * `limits`.
 */
export function parseControl(text: string, limits: ControlLimits = {}): ControlStanza[] {
  const { characters, stanzas: maxStanzas, fieldsPerStanza } = { ...defaults, ...limits };
  if (text.length > characters) throw tooLarge(`is longer than ${characters} characters`);
  const stanzas: ControlStanza[] = [];
  let stanza: Map<string, string> | undefined;
  let field: string | undefined;
  let line = 0;
  for (let start = 0; start < text.length;) {
    const newline = text.indexOf("\n", start);
    const stop = newline === -1 ? text.length : newline;
    const end = stop > start && text.charCodeAt(stop - 1) === 13 ? stop - 1 : stop;
    const first = text.charCodeAt(start);
    line += 1;
    if (isBlank(text, start, end)) {
      stanza = undefined;
      field = undefined;
    } else if (first === 32 || first === 9) {
      if (stanza === undefined || field === undefined) throw bad(line, "continues a field, and there is none");
      stanza.set(field, `${stanza.get(field) ?? ""}\n${text.slice(start + 1, end).trimEnd()}`);
    } else if (first !== 35) {
      const colon = text.indexOf(":", start);
      if (colon === -1 || colon >= end) throw bad(line, "has no colon");
      field = text.slice(start, colon).toLowerCase();
      if (!fieldName.test(field)) throw bad(line, "has no proper field name");
      if (stanza === undefined) {
        if (stanzas.length >= maxStanzas) throw tooLarge(`has more than ${maxStanzas} stanzas`);
        stanza = new Map();
        stanzas.push(stanza);
      }
      if (stanza.has(field)) throw bad(line, `repeats the field "${field.slice(0, 80)}"`);
      if (stanza.size >= fieldsPerStanza) throw tooLarge(`has more than ${fieldsPerStanza} fields in one stanza`);
      stanza.set(field, text.slice(colon + 1, end).trim());
    }
    start = stop + 1;
  }
  return stanzas;
}

function isBlank(text: string, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== 32 && code !== 9) return false;
  }
  return true;
}

function bad(line: number, what: string): PackagesError {
  return new PackagesError("BAD_CONTROL", `line ${line} of the control text ${what}`);
}

function tooLarge(what: string): PackagesError {
  return new PackagesError("TOO_LARGE", `the control text ${what}`);
}
