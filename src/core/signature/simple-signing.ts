import { z } from "zod";
import { parseReference } from "../image/index.ts";
import { AppError, tryShape, type Digest } from "../../lib/index.ts";
import type { SignedImage } from "./types.ts";

/** Media type of a payload that cosign signs. cosign, SIGNATURE_SPEC.md. */
export const simpleSigningType = "application/vnd.dev.cosign.simplesigning.v1+json";

const maxPayload = 65_536;

/** containers/image, containers-signature(5); what is in `optional` has no meaning to us. */
const payloadShape = z.object({
  critical: z.object({
    identity: z.object({ "docker-reference": z.string().max(1000) }),
    image: z.object({ "docker-manifest-digest": z.string().max(200) }),
    type: z.string().max(100),
  }),
});
const types: ReadonlySet<string> = new Set(["cosign container image signature", "atomic container signature"]);

/** Why a payload of simple signing is not about `image`; undefined where it is. Its signature is another question. */
export function refuseSimpleSigning(payload: Uint8Array, image: SignedImage): string | undefined {
  if (payload.byteLength > maxPayload) return `its payload is larger than ${maxPayload} bytes`;
  const parsed = tryShape(payloadShape, parseJson(payload));
  if (!parsed.success) return "its payload is none of simple signing";
  const { type, image: about, identity } = parsed.data.critical;
  if (!types.has(type)) return "its payload is of another type";
  if (about["docker-manifest-digest"] !== image.digest) return "it is of another digest";
  const name = nameOf(identity["docker-reference"]);
  if (name === undefined || !image.names.some((each) => nameOf(each) === name)) return "it is of another repository";
  return undefined;
}

/** `host/repository`, in one spelling; undefined where it is no name. */
function nameOf(reference: string): string | undefined {
  try {
    const { registry, repository } = parseReference(reference);
    return `${registry}/${repository}`;
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

/** Undefined where it is not JSON in UTF-8. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** What is signed to say that `digest` is an image of `name` (`host/repository`); the same every time. containers/image, containers-signature(5). */
export function formatSimpleSigning(digest: Digest, name: string): Buffer {
  const critical = {
    identity: { "docker-reference": name },
    image: { "docker-manifest-digest": digest },
    type: "cosign container image signature",
  };
  return Buffer.from(JSON.stringify({ critical, optional: null }));
}
