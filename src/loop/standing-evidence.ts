import type { Config, EvidenceConfig } from "../core/config/index.ts";
import { environmentOfPolicy, kindOfPredicate, predicateTypes, type EvidenceKind } from "../core/evidence/index.ts";
import { judgeEvidence, type EvidenceFacts, type StandingEvidence } from "../core/policy/index.ts";
import type { TrustedSigner } from "../core/signature/index.ts";
import { readEvidence, type FoundEvidence, type SignatureSource } from "../io/sign/index.ts";
import type { Digest } from "../lib/index.ts";
import type { Context } from "./context.ts";

/** The evidence beside a digest as it is judged, by any of `signers`. Throws what the registry throws. */
export async function loadStandingEvidence(
  source: SignatureSource,
  digest: Digest,
  signers: readonly TrustedSigner[],
  signal?: AbortSignal,
): Promise<EvidenceFacts> {
  const { found, refused, problems } = await readEvidence(source, digest, [digest], signers, signal);
  return { found: found.map(standingOf), refused, problems };
}

/**
 * Why a digest may not go forward into an environment for want of evidence, one sentence each; nothing where it has all that the configuration demands, or that demands none. What is read is what lies beside the
 * digest in the registry: the same that anybody else could verify. Throws what the registry throws, and BAD_KEY for keys that cannot be read.
 */
export async function findLackingEvidence(
  { config, evidence, repositoryOf }: Pick<Context, "config" | "evidence" | "repositoryOf">,
  image: string,
  digest: Digest,
  environment: string,
  signal: AbortSignal,
): Promise<string[]> {
  const kinds = evidence === undefined ? [] : demandedFor(config, evidence.rules, environment);
  if (evidence === undefined || kinds.length === 0) return [];
  const { trusted, revoked } = await evidence.keys();
  // Who was revoked stays so, also where a pattern would take them.
  const facts = await loadStandingEvidence(repositoryOf(image), digest, [...revoked, ...trusted], signal);
  return judgeEvidence(facts, {
    kinds,
    environment,
    trusted: fingerprints(trusted),
    revoked: fingerprints(revoked),
  }).map((reason) => `${image}@${digest}: ${reason}`);
}

/** What an environment demands: its own words, else those for all. */
export function demandedFor(
  { environments }: Pick<Config, "environments">,
  rules: EvidenceConfig,
  environment: string | undefined,
): readonly EvidenceKind[] {
  return environments.find(({ name }) => name === environment)?.requireEvidence ?? rules.require;
}

/** The same before a promotion: what lacks is an alarm as well, until it lacks no more. */
export async function gateEvidence(
  ctx: Context,
  image: string,
  digest: Digest,
  environment: string,
  signal: AbortSignal,
): Promise<string[]> {
  if (ctx.evidence === undefined) return [];
  const alarm = { code: "evidence-lacking", subject: `${image}:${environment}` };
  const reasons = await findLackingEvidence(ctx, image, digest, environment, signal);
  if (reasons.length === 0) {
    await ctx.store.saveAlarmCleared(alarm);
    return [];
  }
  const message = `nothing goes to ${environment}: ${reasons.join("; ")}`;
  const hint = `\`tidemill verify\` shows what lies beside it; \`tidemill evidence attach ${image}@${digest.slice(7, 19)}\` signs it anew.`;
  const raised = await ctx.store.saveAlarm({ ...alarm, severity: "error", message, hint });
  if (raised.isNew) ctx.emit({ kind: "alarm", image, environment, digest, message });
  return reasons;
}

export function fingerprints(keys: readonly TrustedSigner[]): Set<Digest> {
  return new Set(keys.map(({ fingerprint }) => fingerprint));
}

function standingOf({ kind, by, predicateType, predicate }: FoundEvidence): StandingEvidence {
  const standing = { kind, key: by.fingerprint, by: by.name, predicateType, at: statedTime(predicate) };
  if (kindOfPredicate(predicateType) !== "verification") return standing;
  const said = (typeof predicate === "object" && predicate !== null ? predicate : {}) as Readonly<
    Record<string, unknown>
  >;
  if (predicateType === predicateTypes.summary) {
    const uri = (said["policy"] as { readonly uri?: unknown } | undefined)?.uri;
    const passed = said["verificationResult"] === "PASSED";
    return { ...standing, verification: { environment: policyOf(uri), passed } };
  }
  const list: readonly unknown[] = Array.isArray(said["configuration"]) ? said["configuration"] : [];
  const uri = (list[0] as { readonly uri?: unknown } | undefined)?.uri;
  return {
    ...standing,
    verification: { environment: policyOf(uri), passed: said["result"] === "PASSED" || said["result"] === "WARNED" },
  };
}

/** Where predicates of our kinds say when they were made: provenance, test results, summaries, scans, VEX, CycloneDX, SPDX. */
const times = [
  ["runDetails", "metadata", "finishedOn"],
  ["finishedOn"],
  ["timeVerified"],
  ["metadata", "scanFinishedOn"],
  ["timestamp"],
  ["metadata", "timestamp"],
  ["creationInfo", "created"],
];

function statedTime(predicate: unknown): number | undefined {
  for (const path of times) {
    const found = path.reduce<unknown>(
      (value, key) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined,
      predicate,
    );
    const at = typeof found === "string" && found.length < 64 ? Date.parse(found) : NaN;
    if (!Number.isNaN(at)) return at;
  }
  return undefined;
}

function policyOf(uri: unknown): string | undefined {
  return typeof uri === "string" ? environmentOfPolicy(uri) : undefined;
}
