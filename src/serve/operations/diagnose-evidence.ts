import { isKey } from "../../core/signature/index.ts";
import { signerOfEvidence } from "../../io/sign/index.ts";
import type { FleetEvidence } from "../../loop/context.ts";
import { fail, failedBy, well, type Diagnosis } from "./diagnosis.ts";

/** Whether evidence can be signed, and by what; nothing where the configuration asks for none. */
export async function diagnoseEvidence(evidence: FleetEvidence | undefined): Promise<readonly Diagnosis[]> {
  if (evidence === undefined) return [];
  const name = "evidence";
  try {
    const [signer, { trusted, revoked }] = await Promise.all([evidence.signer(), evidence.keys()]);
    const by = signerOfEvidence(signer);
    if (revoked.some(({ fingerprint }) => fingerprint === by.fingerprint))
      return [fail(name, `what signs, ${by.name}, is revoked`, "`tidemill keys rotate` makes another.")];
    const more = trusted.filter(({ fingerprint }) => fingerprint !== by.fingerprint).length;
    const others = more === 0 ? "" : `, ${more === 1 ? "1 other counts" : `${more} others count`} as well`;
    return [well(name, `signed by ${isKey(by) ? "the " : ""}${by.name}${others}`)];
  } catch (error) {
    return [failedBy(name, error, "Nothing is promoted until it can be signed.")];
  }
}
