import { createHash } from "node:crypto";
import type { Descriptor } from "../../core/image/index.ts";
import { digestAlgorithm, digestHex } from "../../lib/index.ts";
import { RegistryError } from "./error.ts";

/** Passes `source` through; throws WRONG_SIZE or WRONG_BYTES, naming `what`, once it cannot be what `descriptor` promises. */
export async function* verifyStream(
  source: AsyncIterable<Uint8Array>,
  descriptor: Descriptor,
  what: string,
): AsyncGenerator<Uint8Array> {
  const hash = createHash(digestAlgorithm(descriptor.digest));
  let size = 0;
  for await (const chunk of source) {
    size += chunk.byteLength;
    if (size > descriptor.size)
      throw new RegistryError("WRONG_SIZE", `${what} is longer than the ${descriptor.size} bytes of its descriptor`);
    hash.update(chunk);
    yield chunk;
  }
  if (size < descriptor.size)
    throw new RegistryError("WRONG_SIZE", `${what} ends after ${size} of ${descriptor.size} bytes`);
  if (hash.digest("hex") !== digestHex(descriptor.digest)) {
    throw new RegistryError("WRONG_BYTES", `${what} has another digest than its descriptor`);
  }
}
