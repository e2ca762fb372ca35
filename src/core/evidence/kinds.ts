/** What can be attached to a digest, in the order in which people read it. */
export const evidenceKinds = ["signature", "sbom", "provenance", "verification", "scan", "vex"] as const;
export type EvidenceKind = (typeof evidenceKinds)[number];

/** Predicate types of the statements that we make, as cosign's `--type` knows most of them. */
export const predicateTypes = {
  /** cosign, bundle of `sign`. */
  signature: "https://sigstore.dev/cosign/sign/v1",
  /** CycloneDX, predicate of in-toto: `cyclonedx`. */
  cyclonedx: "https://cyclonedx.org/bom",
  /** SPDX in JSON: `spdxjson`. */
  spdx: "https://spdx.dev/Document",
  /** SLSA 1.0, provenance: `slsaprovenance1`. */
  provenance: "https://slsa.dev/provenance/v1",
  /** in-toto, test result. */
  testResult: "https://in-toto.io/attestation/test-result/v0.1",
  /** SLSA 1.0, verification summary. */
  summary: "https://slsa.dev/verification_summary/v1",
  /** cosign, COSIGN_VULN_ATTESTATION_SPEC.md: `vuln`. */
  scan: "https://cosign.sigstore.dev/attestation/vuln/v1",
  /** OpenVEX, ATTESTING.md: `openvex`. */
  vex: "https://openvex.dev/ns",
} as const;
export type PredicateType = (typeof predicateTypes)[keyof typeof predicateTypes];

const kindByType: ReadonlyMap<string, EvidenceKind> = new Map([
  [predicateTypes.signature, "signature"],
  [predicateTypes.cyclonedx, "sbom"],
  [predicateTypes.spdx, "sbom"],
  [predicateTypes.provenance, "provenance"],
  [predicateTypes.testResult, "verification"],
  [predicateTypes.summary, "verification"],
  [predicateTypes.scan, "scan"],
]);

/** Which kind of evidence a statement is, by its predicate's type; undefined for others'. */
export function kindOfPredicate(type: string): EvidenceKind | undefined {
  return /^https:\/\/openvex\.dev\/ns(?:\/v\d+\.\d+\.\d+)?$/.test(type) ? "vex" : kindByType.get(type);
}
