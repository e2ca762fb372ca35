import type { Config } from "../../core/config/index.ts";
import type { EvidenceKind } from "../../core/evidence/index.ts";
import { parseReference, referenceTarget } from "../../core/image/index.ts";
import { judgeEvidence, type EvidenceFacts, type StandingEvidence } from "../../core/policy/index.ts";
import { isKey, readTrustedKey, trustIdentity, type TrustedSigner } from "../../core/signature/index.ts";
import type { RegistryClient, Repository } from "../../io/registry/index.ts";
import { checkSignature } from "../../io/sign/index.ts";
import { printable, type Clock, type Digest, type Instant } from "../../lib/index.ts";
import type { FleetEvidence } from "../../loop/context.ts";
import { demandedFor, fingerprints, loadStandingEvidence } from "../../loop/standing-evidence.ts";
import { OperationError, type EvidenceRules, type OperationHandlers } from "../../operation/index.ts";

export interface VerifyDeps {
  readonly registries: RegistryClient;
  /** What the configuration says of evidence, where there is one that says anything. */
  readonly evidence: () => Promise<{ readonly config: Config; readonly evidence: FleetEvidence } | undefined>;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

interface Signers {
  readonly trusted: readonly TrustedSigner[];
  readonly revoked: readonly TrustedSigner[];
}

/**
 * Whether the evidence beside an image in a registry is what is demanded: that somebody who is trusted signed it where nothing else is asked for. No network but the registry. Throws BAD_INPUT where no key is known
 * or one cannot be read, NOT_FOUND for what is not there, and what the registry throws.
 */
export function createVerify({ registries, evidence, signal, clock }: VerifyDeps): OperationHandlers["verify"] {
  return async (request) => {
    const { reference } = request;
    const { keys, judge, kinds } = await (request.rules === undefined
      ? termsOfConfig(request, evidence)
      : termsOfRules(request.rules, request.environment, clock.now()));
    const parsed = parseReference(reference);
    const repository = registries.repository(`${parsed.registry}/${parsed.repository}`);
    const digest = parsed.digest ?? (await repository.resolve(referenceTarget(parsed), signal))?.digest;
    if (digest === undefined)
      throw new OperationError("NOT_FOUND", `${reference} is not in its registry`, {
        hint: "Is the name or tag spelt right?",
      });
    const facts = await loadFacts(repository, digest, keys, signal);
    const trusted = fingerprints(keys.trusted);
    const reasons = [...new Set(judge(facts))];
    return {
      reference,
      digest,
      verdict: reasons.length === 0 ? "verified" : "refused",
      required: [...kinds],
      reasons,
      evidence: facts.found.map(({ kind, key, by, predicateType, verification }) => ({
        kind,
        predicateType: predicateType ?? "",
        by,
        counts: trusted.has(key),
        environment: verification?.environment ?? null,
        passed: verification?.passed ?? null,
      })),
      refused: facts.refused.map(({ kind, reason }) => ({ kind: kind ?? null, reason: printable(reason) })),
      problems: [...facts.problems],
    };
  };
}

/** By whom, and what is demanded. */
interface Terms {
  readonly keys: Signers;
  readonly kinds: readonly EvidenceKind[];
  readonly judge: (facts: EvidenceFacts) => readonly string[];
}

async function termsOfConfig(
  { keys: pems, identities, require: asked, policy, environment }: VerifyInput,
  evidence: VerifyDeps["evidence"],
): Promise<Terms> {
  const configured = pems.length + identities.length > 0 && !policy ? undefined : await evidence();
  const demanded = configured && demandedFor(configured.config, configured.evidence.rules, environment);
  const kinds = demandOf(asked, policy, demanded);
  const keys = await signersOf(pems, identities, configured?.evidence);
  const [trusted, revoked] = [fingerprints(keys.trusted), fingerprints(keys.revoked)];
  return { keys, kinds, judge: (facts) => judgeEvidence(facts, { kinds, environment, trusted, revoked }) };
}

/** Clocks of two machines differ by so much. */
const skewMs = 300_000;

function termsOfRules(rules: EvidenceRules, environment: string | undefined, now: Instant): Terms {
  const named = rules.signers.map((one): readonly [string, TrustedSigner] => [
    one.name,
    "key" in one ? keyOf(one.key, one.name) : trustIdentity({ ...one.identity, kind: "identity" }),
  ]);
  const isRevoked = (name: string): boolean => rules.revoked.includes(name);
  const of = (isMeant: (name: string) => boolean): TrustedSigner[] =>
    named.flatMap(([name, signer]) => (isMeant(name) ? [signer] : []));
  const keys = { trusted: of((name) => !isRevoked(name)), revoked: of(isRevoked) };
  const revoked = fingerprints(keys.revoked);
  return {
    keys,
    kinds: [...new Set(rules.require.map(({ kind }) => kind))],
    judge: (facts) =>
      rules.require.flatMap(({ kind, by, environment: own, maxAge }) =>
        judgeEvidence(facts, {
          kinds: [kind],
          environment: own ?? environment,
          trusted: fingerprints(of((name) => !isRevoked(name) && by?.includes(name) !== false)),
          revoked,
          between: maxAge === undefined ? undefined : { from: now - maxAge, until: now + skewMs },
        }),
      ),
  };
}

function demandOf(
  asked: readonly EvidenceKind[] | undefined,
  policy: boolean,
  demanded: readonly EvidenceKind[] | undefined,
): readonly EvidenceKind[] {
  if (!policy) return asked ?? ["signature"];
  if (demanded === undefined)
    throw new OperationError("BAD_INPUT", "verify: no configuration says what is demanded", {
      hint: "Name one that has `evidence:` by --config, or say it by --require.",
    });
  return [...new Set([...demanded, ...(asked ?? [])])];
}

type VerifyInput = Parameters<OperationHandlers["verify"]>[0];

async function signersOf(
  pems: readonly string[],
  identities: VerifyInput["identities"],
  configured: FleetEvidence | undefined,
): Promise<Signers> {
  const own = (await configured?.keys()) ?? { trusted: [], revoked: [] };
  const given = pems.map((pem, at) => keyOf(pem, `${at + 1}`));
  const named = [...given, ...identities.map((one) => trustIdentity({ ...one, kind: "identity" }))];
  // Who names keys or identities means those, and no others; what the configuration calls revoked stays so.
  const revoked = fingerprints(own.revoked);
  const trusted = (named.length > 0 ? named : own.trusted).filter(({ fingerprint }) => !revoked.has(fingerprint));
  if (trusted.length + own.revoked.length === 0)
    throw new OperationError("BAD_INPUT", "verify: no key and no identity is known to verify with", {
      hint: "Name a public key by --key, an identity by --identity, --issuer and --trusted-root, or a configuration that has `evidence:` by --config.",
    });
  return { trusted, revoked: own.revoked };
}

function keyOf(pem: string, name: string): TrustedSigner {
  const key = readTrustedKey(pem);
  if (typeof key !== "string") return key;
  throw new OperationError("BAD_INPUT", `verify: key ${name} cannot be used: ${key}`, {
    hint: "Give the public key in PEM, as `tidemill keys make` or `openssl pkey -pubout` writes it.",
  });
}

/** What lies beside the digest, the signatures that cosign has always made among it. */
async function loadFacts(
  repository: Repository,
  digest: Digest,
  { trusted, revoked }: Signers,
  signal: AbortSignal,
): Promise<EvidenceFacts> {
  // Who was revoked stays so, also where a pattern would take them.
  const all = [...revoked, ...trusted];
  const facts = await loadStandingEvidence(repository, digest, all, signal);
  if (facts.found.some(({ kind }) => kind === "signature")) return facts;
  const classic: StandingEvidence[] = [];
  for (const signer of all) {
    const { fingerprint, name } = signer;
    const policy = isKey(signer)
      ? { kind: "key" as const, keys: [signer.key.export({ type: "spki", format: "pem" }).toString()] }
      : signer.policy;
    const verdict = await checkSignature(repository, digest, policy, signal);
    if (verdict.kind === "verified") classic.push({ kind: "signature", key: fingerprint, by: name });
  }
  return { ...facts, found: [...classic, ...facts.found] };
}
