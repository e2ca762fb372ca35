import { createHash } from "node:crypto";
import type { Descriptor } from "../../../core/image/index.ts";
import { digestAlgorithm, digestHex } from "../../../lib/index.ts";
import { RegistryError } from "../error.ts";
import type { Requester } from "./requester.ts";
import type { Answer } from "./transport.ts";

/** Bytes of progress that make a broken connection count as a first failure again. */
const progressBytes = 1024 * 1024;

/**
 * The bytes of a blob. A connection that breaks is taken up where it broke. Throws WRONG_SIZE or WRONG_BYTES as soon as
 * they cannot be those that the descriptor promises; a reader that came to the end has had the right ones.
 */
export async function* downloadBlob(
  requester: Requester,
  repository: string,
  descriptor: Descriptor,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const what = `blob ${descriptor.digest} of ${repository}`;
  const hash = createHash(digestAlgorithm(descriptor.digest));
  let done = 0;
  let failures = 0;
  let failedAt = 0;
  while (true) {
    const answer = await requester.ask({
      method: "GET",
      to: `/v2/${repository}/blobs/${descriptor.digest}`,
      scopes: [`repository:${repository}:pull`],
      ...(done === 0 ? {} : { headers: { range: `bytes=${done}-` } }),
      signal,
      expect: [200, 206],
      what,
    });
    checkHead(answer, descriptor, done, what);
    // A registry without ranges begins anew: what we have had is passed over.
    let skip = answer.status === 206 ? 0 : done;
    try {
      for await (const chunk of answer.stream()) {
        const fresh = chunk.subarray(Math.min(skip, chunk.byteLength));
        skip -= chunk.byteLength - fresh.byteLength;
        if (done + fresh.byteLength > descriptor.size) {
          throw new RegistryError(
            "WRONG_SIZE",
            `${what} is longer than the ${descriptor.size} bytes of its descriptor`,
          );
        }
        if (fresh.byteLength === 0) continue;
        hash.update(fresh);
        done += fresh.byteLength;
        yield fresh;
      }
      break;
    } catch (error) {
      if (!(error instanceof RegistryError && error.retry)) throw error;
      failures = done - failedAt > progressBytes ? 0 : failures + 1;
      failedAt = done;
      if (failures > requester.retries) throw error;
      await requester.pause(failures, undefined, signal);
    }
  }
  if (done < descriptor.size) {
    throw new RegistryError("WRONG_SIZE", `${what} ends after ${done} of ${descriptor.size} bytes`);
  }
  if (hash.digest("hex") !== digestHex(descriptor.digest)) {
    throw new RegistryError("WRONG_BYTES", `${what}: what came has another digest`, {
      hint: "The registry, or something before it, serves altered bytes.",
    });
  }
}

function checkHead(answer: Answer, descriptor: Descriptor, done: number, what: string): void {
  const refuse = (error: RegistryError): never => {
    void answer.drain();
    throw error;
  };
  const said = answer.header("docker-content-digest");
  if (said !== undefined && said !== descriptor.digest && said.startsWith(`${digestAlgorithm(descriptor.digest)}:`)) {
    refuse(new RegistryError("WRONG_BYTES", `${what}: the registry says it sends ${said.slice(0, 140)}`));
  }
  const length = answer.header("content-length");
  const expected = answer.status === 206 ? descriptor.size - done : descriptor.size;
  if (length !== undefined && Number(length) !== expected) {
    refuse(
      new RegistryError("WRONG_SIZE", `${what}: the registry sends ${Number(length)} bytes where ${expected} are due`),
    );
  }
  const range = /^bytes (\d+)-/.exec(answer.header("content-range") ?? "");
  if (answer.status === 206 && Number(range?.[1] ?? Number.NaN) !== done) {
    refuse(new RegistryError("BAD_ANSWER", `${what}: the registry sends another part than was asked for`));
  }
}
