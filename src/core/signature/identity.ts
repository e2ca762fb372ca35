import { checkTextRule, matchesText, type TextRule } from "../access/index.ts";
import type { Instant } from "../../lib/index.ts";
import type { ClaimName, SubjectKind } from "./certificate-identity.ts";

/** Whom a certificate has to be made out for before what it signed counts. */
export interface SignerIdentity {
  /** Who vouched for the identity: the address of an OpenID issuer. */
  readonly issuer: TextRule;
  /** An e-mail address, a URI, or a name of a user. */
  readonly subject: TextRule;
  /** What kind of name the subject is in the certificate; any without it. */
  readonly subjectKind?: SubjectKind | undefined;
  /** What else the issuer said, which the certificate repeats: of which repository, at which ref. */
  readonly claims?: Readonly<Partial<Record<ClaimName, TextRule | undefined>>> | undefined;
  /** Milliseconds: what was signed before this, or at or after `until`, does not count. */
  readonly from?: Instant | undefined;
  readonly until?: Instant | undefined;
}

/** Who signed, as a verified certificate says, and when, as logs and timestamp authorities vouch. */
export interface SeenIdentity {
  readonly issuer: string;
  readonly subject: string;
  readonly subjectKind: SubjectKind;
  readonly claims: Readonly<Partial<Record<ClaimName, string>>>;
  readonly times: readonly Instant[];
}

/** Why who signed is not whom a rule names, as a sentence's end; undefined where it is. */
export function refuseIdentity(rule: SignerIdentity, seen: SeenIdentity): string | undefined {
  if (!matchesText(rule.subject, seen.subject) || !matchesText(rule.issuer, seen.issuer))
    return `it is by ${seen.subject} of ${seen.issuer}`;
  if (rule.subjectKind !== undefined && rule.subjectKind !== seen.subjectKind)
    return `it is by ${seen.subject}, which is of kind ${seen.subjectKind}, not ${rule.subjectKind}`;
  for (const [name, wanted] of Object.entries(rule.claims ?? {}) as [ClaimName, TextRule | undefined][]) {
    if (wanted === undefined) continue;
    const said = seen.claims[name];
    if (said === undefined) return `its certificate does not say ${name}`;
    if (!matchesText(wanted, said)) return `its certificate says ${name} ${said}`;
  }
  return refuseTimes(rule, seen.times);
}

/** All moments that are vouched for have to lie in the window: one that does not may be the true one. */
function refuseTimes({ from, until }: SignerIdentity, times: readonly Instant[]): string | undefined {
  const outside = times.find((at) => (from !== undefined && at < from) || (until !== undefined && at >= until));
  if (outside !== undefined)
    return `it was signed at ${new Date(outside).toISOString()}, when that identity did not count`;
  return times.length === 0 && (from ?? until) !== undefined ? "nobody vouches for when it was signed" : undefined;
}

/** Why a rule cannot be used, as a sentence's end; undefined where it can. */
export function checkIdentityRule({ issuer, subject, claims = {} }: SignerIdentity): string | undefined {
  for (const rule of [issuer, subject, ...Object.values(claims)]) {
    const message = rule === undefined ? undefined : checkTextRule(rule);
    if (message !== undefined) return message;
  }
  return undefined;
}

/** A rule for people: `release@example.org of https://issuer.example`. */
export function describeIdentity({ issuer, subject }: SignerIdentity): string {
  const text = (rule: TextRule): string => (typeof rule === "string" ? rule : `/${rule.pattern}/`);
  return `${text(subject)} of ${text(issuer)}`;
}
