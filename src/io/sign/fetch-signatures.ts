import type { Descriptor } from "../../core/image/index.ts";
import { simpleSigningType } from "../../core/signature/index.ts";
import type { Digest } from "../../lib/index.ts";
import { bundlePrefix, readBeside, type SignatureSource, type Wanted } from "./read-beside.ts";

/** A signature as it was found: nothing of it is believed yet. */
export type FoundSignature =
  | {
      readonly kind: "simple-signing";
      readonly payload: Uint8Array;
      /** Base64. */
      readonly signature: string;
      /** PEM; what cosign puts beside signatures that an identity made. */
      readonly certificate: string | undefined;
      /** JSON: the log's promise. */
      readonly rekor: string | undefined;
    }
  | { readonly kind: "bundle"; readonly bytes: Uint8Array };

export interface FoundSignatures {
  readonly signatures: readonly FoundSignature[];
  /** What was left unread, one sentence each. */
  readonly problems: readonly string[];
}

const maxPayload = 65_536;
const maxBundle = 1_048_576;
const wanted: Wanted = {
  what: "a signature",
  suffix: ".sig",
  artifactTypes: new Set(["application/vnd.dev.cosign.artifact.sig.v1+json", simpleSigningType]),
  limitOf: ({ mediaType }) =>
    mediaType === simpleSigningType ? maxPayload : mediaType.startsWith(bundlePrefix) ? maxBundle : 0,
  ofPredicate: (type) => type === "https://sigstore.dev/cosign/sign/v1",
  total: 8_388_608,
};

/** The signatures of `digest`. Throws what the source throws for a registry that fails; what is malformed is a problem. */
export async function fetchSignatures(
  source: SignatureSource,
  digest: Digest,
  signal?: AbortSignal,
): Promise<FoundSignatures> {
  const { layers, problems } = await readBeside(source, digest, wanted, signal);
  return { signatures: layers.map(({ layer, bytes }) => describe(layer, bytes)), problems };
}

function describe({ mediaType, annotations = {} }: Descriptor, bytes: Uint8Array): FoundSignature {
  if (mediaType !== simpleSigningType) return { kind: "bundle", bytes };
  return {
    kind: "simple-signing",
    payload: bytes,
    signature: annotations["dev.cosignproject.cosign/signature"] ?? "",
    certificate: annotations["dev.sigstore.cosign/certificate"],
    rekor: annotations["dev.sigstore.cosign/bundle"],
  };
}
