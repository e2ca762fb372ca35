import type { Config } from "../../core/config/index.ts";
import type { EvidenceKind } from "../../core/evidence/index.ts";
import { parseReference, referenceTarget } from "../../core/image/index.ts";
import { judgeEvidence, type EvidenceFacts, type StandingEvidence } from "../../core/policy/index.ts";
import { readTrustedKey, type TrustedKey } from "../../core/signature/index.ts";
import type { RegistryClient, Repository } from "../../io/registry/index.ts";
import { checkSignature } from "../../io/sign/index.ts";
import { printable, type Digest } from "../../lib/index.ts";
import type { FleetEvidence } from "../../loop/context.ts";
import { demandedFor, fingerprints, loadStandingEvidence } from "../../loop/standing-evidence.ts";
import { OperationError, type OperationHandlers } from "../../operation/index.ts";

export interface VerifyDeps {
  readonly registries: RegistryClient;
  /** What the configuration says of evidence, where there is one that says anything. */
  readonly evidence: () => Promise<{ readonly config: Config; readonly evidence: FleetEvidence } | undefined>;
  readonly signal: AbortSignal;
}

interface Keys {
  readonly trusted: readonly TrustedKey[];
  readonly revoked: readonly TrustedKey[];
}

/**
 * Whether the evidence beside an image in a registry is what is demanded: that somebody who is trusted signed it where nothing else is asked for. No network but the registry. Throws BAD_INPUT where no key is known
 * or one cannot be read, NOT_FOUND for what is not there, and what the registry throws.
 */
export function createVerify({ registries, evidence, signal }: VerifyDeps): OperationHandlers["verify"] {
  return async ({ reference, keys: pems, require: asked, policy, environment }) => {
    const configured = pems.length > 0 && !policy ? undefined : await evidence();
    const demanded = configured && demandedFor(configured.config, configured.evidence.rules, environment);
    const kinds = demandOf(asked, policy, demanded);
    const keys = await keysOf(pems, configured?.evidence);
    const parsed = parseReference(reference);
    const repository = registries.repository(`${parsed.registry}/${parsed.repository}`);
    const digest = parsed.digest ?? (await repository.resolve(referenceTarget(parsed), signal))?.digest;
    if (digest === undefined)
      throw new OperationError("NOT_FOUND", `${reference} is not in its registry`, {
        hint: "Is the name or tag spelt right?",
      });
    const facts = await loadFacts(repository, digest, keys, signal);
    const trusted = fingerprints(keys.trusted);
    const reasons = judgeEvidence(facts, { kinds, environment, trusted, revoked: fingerprints(keys.revoked) });
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

async function keysOf(pems: readonly string[], configured: FleetEvidence | undefined): Promise<Keys> {
  const own = (await configured?.keys()) ?? { trusted: [], revoked: [] };
  const given = pems.map((pem, at) => {
    const key = readTrustedKey(pem);
    if (typeof key !== "string") return key;
    throw new OperationError("BAD_INPUT", `verify: key ${at + 1} cannot be used: ${key}`, {
      hint: "Give the public key in PEM, as `tidemill keys make` or `openssl pkey -pubout` writes it.",
    });
  });
  // Who names keys means those, and no others; what the configuration calls revoked stays so.
  const revoked = fingerprints(own.revoked);
  const trusted = (given.length > 0 ? given : own.trusted).filter(({ fingerprint }) => !revoked.has(fingerprint));
  if (trusted.length + own.revoked.length === 0)
    throw new OperationError("BAD_INPUT", "verify: no key is known to verify with", {
      hint: "Name a public key by --key, or a configuration that has `evidence:` by --config.",
    });
  return { trusted, revoked: own.revoked };
}

/** What lies beside the digest, the signatures that cosign has always made among it. */
async function loadFacts(
  repository: Repository,
  digest: Digest,
  keys: Keys,
  signal: AbortSignal,
): Promise<EvidenceFacts> {
  const all = [...keys.trusted, ...keys.revoked];
  const facts = await loadStandingEvidence(repository, digest, all, signal);
  if (facts.found.some(({ kind }) => kind === "signature")) return facts;
  const classic: StandingEvidence[] = [];
  for (const { key, fingerprint, name } of all) {
    const pem = key.export({ type: "spki", format: "pem" }).toString();
    const verdict = await checkSignature(repository, digest, { kind: "key", keys: [pem] }, signal);
    if (verdict.kind === "verified") classic.push({ kind: "signature", key: fingerprint, by: name });
  }
  return { ...facts, found: [...classic, ...facts.found] };
}
