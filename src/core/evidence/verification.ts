import type { Digest, Instant } from "../../lib/index.ts";
import { time } from "./provenance.ts";
import { digestSet } from "./statement.ts";

/** The verification of a digest in an environment. */
export interface VerificationFacts {
  readonly environment: string;
  readonly verdict: "passed" | "failed" | "not_run";
  readonly checks: readonly {
    readonly name: string;
    readonly verdict: "passed" | "failed" | "warned" | "not_run";
    readonly message: string;
  }[];
  readonly finishedAt: Instant;
  /** Of the environment's rules and the checks of the image as they were then. */
  readonly policy: Digest;
}

export interface Verifier {
  /** A URI. */
  readonly id: string;
  readonly version: string;
}

/** Every check of a verification by how it ended, as in-toto's test result. What did not run is none of them, and is named. in-toto attestation, test-result v0.1. */
export function formatTestResult(facts: VerificationFacts) {
  const { environment, verdict, checks, policy } = facts;
  const named = (wanted: string): string[] => checks.filter((one) => one.verdict === wanted).map(({ name }) => name);
  const warned = named("warned");
  return {
    result: verdict !== "passed" ? "FAILED" : warned.length > 0 ? "WARNED" : "PASSED",
    configuration: [{ name: environment, uri: policyUri(environment), digest: digestSet(policy) }],
    passedTests: named("passed"),
    warnedTests: warned,
    failedTests: named("failed"),
    notRunTests: named("not_run"),
    messages: Object.fromEntries(
      checks.filter(({ message }) => message !== "").map(({ name, message }) => [name, message.slice(0, 2000)]),
    ),
    finishedOn: time(facts.finishedAt),
  };
}

/** Whether a digest keeps to an environment's policy, as SLSA's verification summary. What level of SLSA its build has is not judged. SLSA, verification_summary/v1. */
export function formatSummary(
  facts: VerificationFacts,
  { resource, verifier }: { readonly resource: string; readonly verifier: Verifier },
) {
  return {
    verifier: { id: verifier.id, version: { tidemill: verifier.version } },
    timeVerified: time(facts.finishedAt),
    resourceUri: resource,
    policy: { uri: policyUri(facts.environment), digest: digestSet(facts.policy) },
    verificationResult: facts.verdict === "passed" ? "PASSED" : "FAILED",
    verifiedLevels: ["SLSA_BUILD_LEVEL_UNEVALUATED"],
    slsaVersion: "1.0",
  };
}

const policyPrefix = "urn:tidemill:policy:";

/** What the policy of an environment is called in statements. */
function policyUri(environment: string): string {
  return policyPrefix + encodeURIComponent(environment);
}

/** Which environment a statement of a verification is for; undefined where it does not say. */
export function environmentOfPolicy(uri: string): string | undefined {
  if (!uri.startsWith(policyPrefix)) return undefined;
  try {
    return decodeURIComponent(uri.slice(policyPrefix.length));
  } catch {
    return undefined;
  }
}
