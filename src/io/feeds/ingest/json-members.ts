import { FeedError } from "../error.ts";

export interface JsonMember {
  /** Key in an object, empty in an array. */
  readonly key: string;
  /** JSON text of the value. */
  readonly text: string;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];

/** The members of the one object or array that `bytes` hold, unparsed: a broken one spoils none of the others. Throws FEED_TORN where the document ends early or is no object or array, FEED_TOO_LARGE for a member over `limit` bytes. RFC 8259. */
export function* splitJsonMembers(bytes: Buffer, limit: number, what: string): Generator<JsonMember> {
  let at = skipSpace(bytes, 0);
  const open = bytes[at];
  if (open !== 0x7b && open !== 0x5b) throw torn(what, "it is neither a JSON object nor an array");
  const close = open === 0x7b ? 0x7d : 0x5d;
  at = skipSpace(bytes, at + 1);
  if (bytes[at] === close) return;
  for (;;) {
    let key = "";
    if (open === 0x7b) {
      const end = endOfString(bytes, at, what);
      key = textOf(bytes, at, end, what);
      at = skipSpace(bytes, end);
      if (bytes[at] !== colon) throw torn(what, "a key has no value");
      at = skipSpace(bytes, at + 1);
    }
    const end = endOfValue(bytes, at, what);
    if (end - at > limit) throw new FeedError("FEED_TOO_LARGE", `${what}: the record ${key.slice(0, 80)} is too large`);
    yield { key, text: bytes.toString("utf8", at, end) };
    at = skipSpace(bytes, end);
    if (bytes[at] === close) return;
    if (bytes[at] !== comma) throw torn(what, "it ends too early");
    at = skipSpace(bytes, at + 1);
  }
}

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[at])
    at += 1;
  return at;
}

function endOfValue(bytes: Buffer, from: number, what: string): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at, what) - 1;
    else if (byte === 0x7b || byte === 0x5b) depth += 1;
    else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) return at;
      depth -= 1;
    } else if (byte === comma && depth === 0) return at;
  }
  throw torn(what, "it ends too early");
}

function endOfString(bytes: Buffer, from: number, what: string): number {
  if (bytes[from] !== quote) throw torn(what, "a key is no string");
  for (let at = from + 1; at < bytes.length; at += 1) {
    if (bytes[at] === backslash) at += 1;
    else if (bytes[at] === quote) return at + 1;
  }
  throw torn(what, "it ends within a string");
}

function textOf(bytes: Buffer, from: number, to: number, what: string): string {
  try {
    const key: unknown = JSON.parse(bytes.toString("utf8", from, to));
    if (typeof key === "string") return key;
  } catch {
    // Told below.
  }
  throw torn(what, "a key is no string");
}

function torn(what: string, why: string): FeedError {
  return new FeedError("FEED_TORN", `${what}: ${why}`, { retry: true });
}
