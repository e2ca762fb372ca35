import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import { mediaTypes, type Descriptor, type RawManifest } from "../../../core/image/index.ts";
import { sha256, type Digest } from "../../../lib/index.ts";
import type { SignatureSource } from "../read-beside.ts";

export const simpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json";
export const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";

export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly pem: string;
}

export function makeKey(kind: "ecdsa" | "p384" | "ed25519" | "rsa" | "rsa1024"): KeyPair {
  const pair =
    kind === "ed25519"
      ? generateKeyPairSync("ed25519")
      : kind === "rsa" || kind === "rsa1024"
        ? generateKeyPairSync("rsa", { modulusLength: kind === "rsa" ? 2048 : 1024 })
        : generateKeyPairSync("ec", { namedCurve: kind === "ecdsa" ? "prime256v1" : "secp384r1" });
  return { privateKey: pair.privateKey, pem: pair.publicKey.export({ type: "spki", format: "pem" }).toString() };
}

/** Base64, as cosign signs. */
export function signBytes({ privateKey }: KeyPair, bytes: Uint8Array): string {
  return sign(privateKey.asymmetricKeyType === "ed25519" ? null : "sha256", bytes, privateKey).toString("base64");
}

export function makePayload(digest: string, name = "registry.example/app", type = "cosign container image signature"): Buffer {
  const critical = { identity: { "docker-reference": name }, image: { "docker-manifest-digest": digest }, type };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}

/** DSSE. */
export interface Envelope {
  readonly payload: string;
  readonly payloadType: string;
  readonly signatures: readonly { readonly sig: string }[];
}

interface StatementChange {
  readonly predicateType?: string;
  readonly payloadType?: string;
  readonly predicate?: unknown;
}

/** A signed statement that `digest` was signed. */
export function makeEnvelope(key: KeyPair, digest: Digest, more: StatementChange = {}): Envelope {
  const { predicateType = "https://sigstore.dev/cosign/sign/v1", payloadType = "application/vnd.in-toto+json", predicate = {} } = more;
  const subject = [{ digest: { sha256: digest.slice(7) } }];
  const statement = { _type: "https://in-toto.io/Statement/v1", subject, predicateType, predicate };
  const payload = Buffer.from(JSON.stringify(statement));
  const signed = Buffer.concat([Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `), payload]);
  return { payload: payload.toString("base64"), payloadType, signatures: [{ sig: signBytes(key, signed) }] };
}

/** A bundle with such a statement, by a key. */
export function makeBundle(key: KeyPair, digest: Digest, more: StatementChange = {}): Buffer {
  const verificationMaterial = { publicKey: { hint: "x" } };
  const dsseEnvelope = makeEnvelope(key, digest, more);
  return Buffer.from(JSON.stringify({ mediaType: bundleType, verificationMaterial, dsseEnvelope }));
}

export interface Layer {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A repository in memory that has signatures under a tag, and among the referrers of their image. */
export function memorySignatures(
  digest: Digest,
  tagged: readonly Layer[],
  referring: readonly Layer[] = [],
  name = "registry.example/app",
  suffix = ".sig",
): SignatureSource & { readonly asked: string[] } {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, RawManifest>();
  const asked: string[] = [];
  const describe = ({ mediaType, bytes, annotations }: Layer): Descriptor => {
    blobs.set(sha256(bytes), bytes);
    return { mediaType, digest: sha256(bytes), size: bytes.byteLength, ...(annotations && { annotations }) };
  };
  const put = (layers: readonly Layer[], reference?: string): Descriptor => {
    const config = describe({ mediaType: mediaTypes.config, bytes: Buffer.from("{}") });
    const fields = { schemaVersion: 2, mediaType: mediaTypes.manifest, config, layers: layers.map(describe) };
    const bytes = Buffer.from(JSON.stringify(fields));
    const manifest = { digest: sha256(bytes), mediaType: mediaTypes.manifest, bytes };
    manifests.set(reference ?? manifest.digest, manifest);
    return { mediaType: manifest.mediaType, digest: manifest.digest, size: bytes.byteLength };
  };
  if (tagged.length > 0) put(tagged, `${digest.replace(":", "-")}${suffix}`);
  const referrers = referring.map((layer) => ({ ...put([layer]), artifactType: layer.mediaType }));
  return {
    name,
    asked,
    manifest: (reference) => {
      asked.push(reference);
      return Promise.resolve(manifests.get(reference));
    },
    blob: async function* (descriptor) {
      yield blobs.get(descriptor.digest) ?? Buffer.alloc(0);
    },
    referrers: () => Promise.resolve(referrers),
  };
}
