import { TrustedRoot } from "@sigstore/protobuf-specs";
import { toTrustMaterial, type TrustMaterial } from "@sigstore/verify";
import { messageOf } from "../../lib/index.ts";
import { SignError } from "./error.ts";

const maxRoot = 1_048_576;
const mostAuthorities = 100;
const mostCertificates = 10;

/** Whom a Sigstore trusts: its authorities and logs. Throws BAD_ROOT for a text that is none, names no certificate authority, or leaves open since when one counts. Sigstore, sigstore_trustroot.proto. */
export function readTrustedRoot(text: string): TrustMaterial {
  try {
    if (text.length > maxRoot) throw new Error(`it is larger than ${maxRoot} bytes`);
    const root = TrustedRoot.fromJSON(JSON.parse(text));
    const wrong = refuseRoot(root);
    if (wrong !== undefined) throw new Error(wrong);
    return toTrustMaterial(root);
  } catch (cause) {
    throw new SignError("BAD_ROOT", `the trusted root of a signature policy cannot be used: ${messageOf(cause)}`, {
      hint: "Give Sigstore's trusted_root.json, or that of your own Sigstore.",
      cause,
    });
  }
}

function refuseRoot({ certificateAuthorities, timestampAuthorities, tlogs, ctlogs }: TrustedRoot): string | undefined {
  const authorities = [...certificateAuthorities, ...timestampAuthorities];
  if (certificateAuthorities.length === 0) return "it names no certificate authority";
  if (authorities.length + tlogs.length + ctlogs.length > mostAuthorities)
    return `it names more than ${mostAuthorities} authorities and logs`;
  for (const { certChain, validFor, uri } of authorities) {
    const certificates = certChain?.certificates.length ?? 0;
    if (certificates === 0 || certificates > mostCertificates)
      return `${uri || "an authority"} has ${certificates} certificates`;
    if (validFor?.start === undefined) return `it does not say since when ${uri || "an authority"} counts`;
  }
  for (const { publicKey, baseUrl, logId, checkpointKeyId } of [...tlogs, ...ctlogs]) {
    if (publicKey?.rawBytes === undefined) return `${baseUrl || "a log"} has no key`;
    if ((checkpointKeyId ?? logId) === undefined) return `${baseUrl || "a log"} has no id`;
    // Without a beginning it would be believed from the beginning of time.
    if (publicKey.validFor?.start === undefined) return `it does not say since when ${baseUrl || "a log"} counts`;
  }
  return undefined;
}
