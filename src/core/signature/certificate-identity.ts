import { readDer, type DerElement } from "./der.ts";

/** What a subject is called by in a certificate. RFC 5280, 4.2.1.6; Fulcio, oid-info.md, for names of users. */
export type SubjectKind = "email" | "uri" | "username";

/** What Fulcio repeats of an issuer's token, by the number under 1.3.6.1.4.1.57264.1. Fulcio, oid-info.md. */
const claimNumbers = {
  buildSigner: 9,
  buildSignerDigest: 10,
  runnerEnvironment: 11,
  sourceRepository: 12,
  sourceDigest: 13,
  sourceRef: 14,
  sourceRepositoryId: 15,
  sourceOwner: 16,
  sourceOwnerId: 17,
  buildConfig: 18,
  buildConfigDigest: 19,
  buildTrigger: 20,
  runInvocation: 21,
  sourceVisibility: 22,
} as const;
export type ClaimName = keyof typeof claimNumbers;
export const claimNames = Object.keys(claimNumbers) as [ClaimName, ...ClaimName[]];

/** An extension of a certificate: its object identifier, and the bytes of its value. */
export interface CertificateExtension {
  readonly oid: string;
  readonly value: Uint8Array;
}

/** Whom a certificate is made out for. */
export interface CertificateIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly subjectKind: SubjectKind;
  readonly claims: Readonly<Partial<Record<ClaimName, string>>>;
}

const fulcio = "1.3.6.1.4.1.57264.1";
const subjectAltName = "2.5.29.17";
/** `1.3.6.1.4.1.57264.1.7` in DER: names of users. */
const usernameOid = Buffer.from("2b0601040183bf300107", "hex");
const maxText = 2000;

/**
 * Whom a certificate of Fulcio is made out for, by its extensions; or why that cannot be told. One of several names would leave it to the reader which is meant: there has to be one.
 * Fulcio, oid-info.md and certificate-specification.md.
 */
export function readCertificateIdentity(extensions: readonly CertificateExtension[]): CertificateIdentity | string {
  const values = new Map<string, Uint8Array>();
  for (const { oid, value } of extensions) {
    if (values.has(oid)) return `its certificate has the extension ${oid} twice`;
    values.set(oid, value);
  }
  const name = readSubject(values.get(subjectAltName));
  if (typeof name === "string") return name;
  const issuer = issuerOf(values);
  if (issuer === undefined) return "its certificate names no issuer";
  const claims: Partial<Record<ClaimName, string>> = {};
  for (const [claim, number] of Object.entries(claimNumbers) as [ClaimName, number][]) {
    const text = readUtf8(values.get(`${fulcio}.${number}`));
    if (text !== undefined) claims[claim] = text;
  }
  return { ...name, issuer, claims };
}

/** In its second form the issuer is a string of DER, in its first bare bytes. */
function issuerOf(values: ReadonlyMap<string, Uint8Array>): string | undefined {
  const second = values.get(`${fulcio}.8`);
  return second === undefined ? decode(values.get(`${fulcio}.1`)) : readUtf8(second);
}

function readSubject(
  value: Uint8Array | undefined,
): { readonly subject: string; readonly subjectKind: SubjectKind } | string {
  const list = value && readDer(value);
  const [name, ...more] = (list?.tag === 0x30 && list.children()) || [];
  if (name === undefined) return "its certificate names nobody";
  if (more.length > 0) return "its certificate names several";
  const kind = kindOf(name);
  const subject = kind === "username" ? usernameOf(name) : decode(name.content);
  if (kind === undefined || subject === undefined) return "its certificate names somebody in a way that is not known";
  return { subject, subjectKind: kind };
}

/** Tags of GeneralName. RFC 5280, 4.2.1.6. */
function kindOf({ tag }: DerElement): SubjectKind | undefined {
  if (tag === 0x81) return "email";
  if (tag === 0x86) return "uri";
  return tag === 0xa0 ? "username" : undefined;
}

function usernameOf(name: DerElement): string | undefined {
  const [type, wrapped] = name.children() ?? [];
  if (type?.tag !== 0x06 || !usernameOid.equals(type.content)) return undefined;
  const [text] = (wrapped?.tag === 0xa0 && wrapped.children()) || [];
  return text?.tag === 0x0c ? decode(text.content) : undefined;
}

function readUtf8(value: Uint8Array | undefined): string | undefined {
  const text = value && readDer(value);
  return text?.tag === 0x0c ? decode(text.content) : undefined;
}

/** Control characters have no place in names: they would be shown to people. */
function decode(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.length > maxText) return undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return /[\p{Cc}\p{Cf}]/u.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
