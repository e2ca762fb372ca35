import {
  provenanceTypes,
  readStatement,
  refuseProvenance,
  type ProvenanceRule,
  type SignaturePolicy,
  type SignatureVerdict,
} from "../../core/signature/index.ts";
import { printable, type Digest } from "../../lib/index.ts";
import { attestationWanted, describeAttestation, createAttestationCheck } from "./read-signed-vex.ts";
import { readBeside, type SignatureSource } from "./read-beside.ts";

/**
 * Whether somebody whom `policy` trusts signed provenance of `digest` that names the builder of `rule`, by what lies beside it in `source`; no network but that. One good statement is enough. Throws BAD_KEY and
 * BAD_ROOT for a policy that cannot be used, and what the source throws.
 */
export async function checkProvenance(
  source: SignatureSource,
  digest: Digest,
  policy: SignaturePolicy,
  rule: ProvenanceRule,
  signal?: AbortSignal,
): Promise<SignatureVerdict> {
  const verify = await createAttestationCheck(policy);
  const { layers, problems } = await readBeside(
    source,
    digest,
    attestationWanted((type) => provenanceTypes.has(type)),
    signal,
  );
  const reasons = new Set<string>();
  for (const { layer, bytes } of layers) {
    const verdict = verify(describeAttestation(layer, bytes));
    const statement = verdict.kind === "refused" ? verdict.reason : readStatement(verdict.payload, [digest]);
    const reason = typeof statement === "string" ? statement : refuseProvenance(statement, rule);
    if (reason === undefined && verdict.kind === "verified") return { kind: "verified", by: verdict.by };
    if (reason !== undefined) reasons.add(reason);
  }
  const none = layers.length === 0 ? ["it has none"] : [];
  const why = [...none, ...reasons, ...problems].slice(0, 5).join("; ");
  return { kind: "refused", reason: printable(`its provenance does not count: ${why}`.slice(0, 1000)) };
}
