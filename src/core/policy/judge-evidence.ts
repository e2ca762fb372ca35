import type { EvidenceKind } from "../evidence/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";

/** A signed statement, or a signature, as it was found beside a digest. */
export interface StandingEvidence {
  readonly kind: EvidenceKind;
  /** Fingerprint of the key that signed it, and what people call it. */
  readonly key: Digest;
  readonly by: string;
  readonly predicateType?: string;
  /** Of a verification: the environment it is for, and whether it passed there; undefined where it does not say. */
  /** When it was made, as it says itself; undefined where it does not say. */
  readonly at?: Instant | undefined;
  readonly verification?: { readonly environment: string | undefined; readonly passed: boolean } | undefined;
}

/** All that was found. `refused` are things that no key which is known here signed, or that are of another digest: why, as a sentence's end. */
export interface EvidenceFacts {
  readonly found: readonly StandingEvidence[];
  readonly refused: readonly { readonly kind: EvidenceKind | undefined; readonly reason: string }[];
  /** What could not be read, one sentence each. */
  readonly problems: readonly string[];
}

export interface EvidenceDemand {
  readonly kinds: readonly EvidenceKind[];
  /** For which a verification has to have passed; undefined where any will do. */
  readonly environment: string | undefined;
  /** Fingerprints of the keys that are believed, and of those that no longer are. */
  readonly trusted: ReadonlySet<Digest>;
  readonly revoked: ReadonlySet<Digest>;
  /** It has to say that it was made in this span, both in it; whenever without it. */
  readonly between?: { readonly from: Instant; readonly until: Instant } | undefined;
}

/** Why a digest lacks the evidence that is demanded of it, one sentence for each kind; nothing where it has all. One good piece of a kind is enough, whatever else lies there. */
export function judgeEvidence(facts: EvidenceFacts, demand: EvidenceDemand): string[] {
  return demand.kinds.flatMap((kind) => {
    const own = facts.found.filter((one) => one.kind === kind);
    const reasons = own.map((one) => refusalOf(one, demand));
    if (reasons.includes(undefined)) return [];
    const others = facts.refused.filter((one) => one.kind === kind).map(({ reason }) => reason);
    const said = [...new Set([...reasons.flatMap((one) => one ?? []), ...others])].slice(0, 3);
    const unread = facts.problems.length === 0 ? "" : ` (and not all could be read: ${facts.problems[0]})`;
    const what = kindNames[kind];
    return [
      said.length === 0 ? `it has no ${what}${unread}` : `its ${what} does not count: ${said.join("; ")}${unread}`,
    ];
  });
}

const kindNames: Readonly<Record<EvidenceKind, string>> = {
  signature: "signature",
  sbom: "SBOM",
  provenance: "provenance",
  verification: "verification",
  scan: "scan",
  vex: "VEX",
};

function refusalOf({ key, by, at, verification }: StandingEvidence, demand: EvidenceDemand): string | undefined {
  if (demand.revoked.has(key)) return `it is by a key that was revoked, ${by}`;
  if (!demand.trusted.has(key)) return "it is not by a key that is trusted here";
  if (demand.between !== undefined) {
    if (at === undefined) return "it does not say when it was made";
    if (at < demand.between.from) return `it is of ${new Date(at).toISOString()}, too old`;
    if (at > demand.between.until) return `it is of ${new Date(at).toISOString()}, which has not come yet`;
  }
  if (verification === undefined || demand.environment === undefined) return undefined;
  if (verification.environment !== demand.environment)
    return `it is for ${verification.environment ?? "no environment that it names"}, not for ${demand.environment}`;
  return verification.passed ? undefined : `it did not pass for ${demand.environment}`;
}
