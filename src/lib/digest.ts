import { createHash } from "node:crypto";

/** A content digest: `sha256:` or `sha512:` and lower-case hex. OCI image-spec, descriptor.md, Digests. */
export type Digest = `sha256:${string}` | `sha512:${string}`;

const shape = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/** Whether `text` is a digest of an algorithm that we accept. */
export function isDigest(text: string): text is Digest {
  return shape.test(text);
}

/** The sha256 digest of bytes or of a text's UTF-8 bytes. */
export function sha256(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** The hex part of a digest. */
export function digestHex(digest: Digest): string {
  return digest.slice(7);
}

/** The algorithm of a digest, as node:crypto names it. */
export function digestAlgorithm(digest: Digest): "sha256" | "sha512" {
  return digest.startsWith("sha256:") ? "sha256" : "sha512";
}
