import type { FleetEvidence } from "../../loop/context.ts";
import { fail, failedBy, well, type Diagnosis } from "./diagnosis.ts";

/** Whether evidence can be signed, and by what; nothing where the configuration asks for none. */
export async function diagnoseEvidence(evidence: FleetEvidence | undefined): Promise<readonly Diagnosis[]> {
  if (evidence === undefined) return [];
  const name = "evidence";
  try {
    const [signer, { trusted, revoked }] = await Promise.all([evidence.signer(), evidence.keys()]);
    if (revoked.some(({ fingerprint }) => fingerprint === signer.key.fingerprint))
      return [
        fail(name, `the key that signs, ${signer.key.name}, is revoked`, "`tidemill keys rotate` makes another."),
      ];
    const more = trusted.filter(({ fingerprint }) => fingerprint !== signer.key.fingerprint).length;
    const others = more === 0 ? "" : `, ${more === 1 ? "1 other key counts" : `${more} other keys count`} as well`;
    return [well(name, `signed by the ${signer.key.name}${others}`)];
  } catch (error) {
    return [failedBy(name, error, "Nothing is promoted until the key can be opened.")];
  }
}
