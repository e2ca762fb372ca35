import { z } from "zod";
import { digestAlgorithm, digestHex, tryShape, type Digest } from "../../lib/index.ts";
import { parseJson } from "./simple-signing.ts";
import type { SignedImage } from "./types.ts";

/** Payload type of an in-toto statement in an envelope. in-toto attestation framework, Envelope. */
export const statementType = "application/vnd.in-toto+json";

const maxPayload = 1_048_576;
const predicateType = "https://sigstore.dev/cosign/sign/v1";

const shape = z.object({
  _type: z.enum(["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"]),
  subject: z.array(z.object({ digest: z.record(z.string().max(20), z.string().max(200)) })).max(100),
  predicateType: z.string().max(500),
});

/** Why a statement does not say that `image` was signed; undefined where it does. It says nothing of repositories, so that it counts for every one that has the digest. Other statements (provenance, scans) are no signatures of an image. */
export function refuseStatement(payload: Uint8Array, image: SignedImage): string | undefined {
  if (payload.byteLength > maxPayload) return `its statement is larger than ${maxPayload} bytes`;
  const parsed = tryShape(shape, parseJson(payload));
  if (!parsed.success) return "its payload is no in-toto statement";
  if (parsed.data.predicateType !== predicateType) return "its statement is about something else";
  const [algorithm, hex] = [digestAlgorithm(image.digest), digestHex(image.digest)];
  const isOfImage = parsed.data.subject.some(
    ({ digest }) => Object.hasOwn(digest, algorithm) && digest[algorithm] === hex,
  );
  return isOfImage ? undefined : "it is of another digest";
}

/** Predicate types of OpenVEX documents; cosign writes it without a version. OpenVEX, ATTESTING.md. */
const vexPredicate = /^https:\/\/openvex\.dev\/ns(?:\/v\d+\.\d+\.\d+)?$/;
const about = z.object({
  _type: z.enum(["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"]),
  subject: z
    .array(z.object({ digest: z.record(z.string().max(20), z.string().max(200)) }))
    .min(1)
    .max(1000),
  predicateType: z.string().max(500),
});

/** A statement that carries OpenVEX about one of `digests`, parsed; or why it is none. in-toto attestation framework, statement v1. */
export function readVexStatement(
  payload: Uint8Array,
  digests: readonly Digest[],
):
  | { readonly kind: "vex"; readonly value: unknown }
  | { readonly kind: "other"; readonly reason: string; readonly isVex: boolean } {
  const value = parseJson(payload);
  const parsed = tryShape(about, value);
  if (!parsed.success) return { kind: "other", reason: "its payload is no in-toto statement", isVex: false };
  if (!vexPredicate.test(parsed.data.predicateType)) return { kind: "other", reason: "it is no VEX", isVex: false };
  const isAbout = parsed.data.subject.some(({ digest }) =>
    digests.some(
      (one) => Object.hasOwn(digest, digestAlgorithm(one)) && digest[digestAlgorithm(one)] === digestHex(one),
    ),
  );
  return isAbout ? { kind: "vex", value } : { kind: "other", reason: "it is of another digest", isVex: true };
}

/** A statement about one of the digests that were asked for. */
export interface ReadStatement {
  readonly predicateType: string;
  readonly predicate: unknown;
  readonly subjects: readonly Digest[];
}

/** An in-toto statement, whatever it says; or why it is none, or of another digest than one of `digests`. in-toto attestation framework, statement v1. */
export function readStatement(payload: Uint8Array, digests: readonly Digest[]): ReadStatement | string {
  const value = parseJson(payload);
  const parsed = tryShape(about, value);
  if (!parsed.success) return "its payload is no in-toto statement";
  const subjects = digests.filter((one) =>
    parsed.data.subject.some(
      ({ digest }) => Object.hasOwn(digest, digestAlgorithm(one)) && digest[digestAlgorithm(one)] === digestHex(one),
    ),
  );
  if (subjects.length === 0) return "it is of another digest";
  const { predicate } = value as { readonly predicate?: unknown };
  return { predicateType: parsed.data.predicateType, predicate, subjects };
}

/** The bytes that an envelope's signature is over. DSSE, protocol.md, PAE. */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}
