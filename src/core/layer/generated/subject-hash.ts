import { createHash, X509Certificate } from "node:crypto";

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag and length too. */
  readonly whole: Buffer;
}

const sequence = 0x30;
const utf8String = 0x0c;
/** Types whose text OpenSSL folds: UTF8, Numeric, Printable, T61, IA5, Visible, Universal and BMP string. */
const folded = new Set([0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1c, 0x1e]);

/**
 * The name of the link by which OpenSSL finds a certificate in a folder, as `openssl x509 -subject_hash` prints it: the first
 * four bytes, as a little-endian number, of the SHA-1 over the subject, whose texts are UTF-8, in lower case, without space at
 * the ends and with one for many within. OpenSSL 3, crypto/x509/x_name.c, x509_name_canon. Undefined for what is no certificate.
 */
export function subjectHash(pem: string): { readonly hash: string; readonly fingerprint: string } | undefined {
  try {
    const { raw } = new X509Certificate(pem);
    const canonical = canonicalName(subjectOf(raw));
    const digest = createHash("sha1").update(canonical).digest();
    return {
      hash: digest.readUInt32LE(0).toString(16).padStart(8, "0"),
      fingerprint: createHash("sha1").update(raw).digest("hex"),
    };
  } catch {
    return undefined;
  }
}

/** RFC 5280, 4.1: Certificate, tbsCertificate, and of that version, serialNumber, signature, issuer, validity, subject. */
function subjectOf(certificate: Buffer): Buffer {
  const [outer] = readElements(certificate);
  const [body] = readElements(outer?.content ?? certificate);
  const fields = readElements(body?.content ?? certificate);
  const start = fields[0]?.tag === 0xa0 ? 1 : 0;
  const subject = fields[start + 4];
  if (subject?.tag !== sequence) throw new RangeError("no subject");
  return subject.content;
}

/** The canonical name is its relative names one after another, without the sequence around them. */
function canonicalName(name: Buffer): Buffer {
  const sets = readElements(name).map((set) => {
    const attributes = readElements(set.content).map((attribute) => {
      const [type, value] = readElements(attribute.content);
      if (type === undefined || value === undefined) throw new RangeError("an attribute without value");
      return encode(sequence, Buffer.concat([type.whole, canonicalValue(value)]));
    });
    // DER orders the members of a SET OF by their bytes; X.690, 11.6.
    return encode(0x31, Buffer.concat(attributes.sort((a, b) => Buffer.compare(a, b))));
  });
  return Buffer.concat(sets);
}

function canonicalValue({ tag, content, whole }: Element): Buffer {
  if (!folded.has(tag)) return whole;
  const text = decodeText(tag, content)
    .replace(/^[\t\n\v\f\r ]+|[\t\n\v\f\r ]+$/g, "")
    .replace(/[\t\n\v\f\r ]+/g, " ")
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return encode(utf8String, Buffer.from(text, "utf8"));
}

function decodeText(tag: number, content: Buffer): string {
  if (tag === utf8String) return content.toString("utf8");
  if (tag === 0x1e) return Buffer.from(content).swap16().toString("utf16le");
  if (tag !== 0x1c) return content.toString("latin1");
  let text = "";
  for (let at = 0; at + 4 <= content.length; at += 4) text += String.fromCodePoint(content.readUInt32BE(at));
  return text;
}

/** The elements of a constructed one; X.690, 8.1. Throws RangeError where the bytes end too early. */
function readElements(bytes: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length;) {
    const tag = bytes.readUInt8(at);
    let length = bytes.readUInt8(at + 1);
    let start = at + 2;
    if (length > 0x80) {
      const digits = length & 0x7f;
      length = bytes.readUIntBE(start, digits);
      start += digits;
    }
    const end = start + length;
    if (end > bytes.length) throw new RangeError("an element ends too early");
    elements.push({ tag, content: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return elements;
}

function encode(tag: number, content: Buffer): Buffer {
  const { length } = content;
  if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
  const digits = length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 3;
  const head = Buffer.alloc(2 + digits);
  head.writeUInt8(tag, 0);
  head.writeUInt8(0x80 | digits, 1);
  head.writeUIntBE(length, 2, digits);
  return Buffer.concat([head, content]);
}
