import { AppError } from "./error.ts";

export class LimitError extends AppError<"TOO_LARGE"> {}

/** Passes `source` through and throws TOO_LARGE, naming `what`, once more than `limit` bytes have come. */
export async function* limitBytes(
  source: AsyncIterable<Uint8Array>,
  limit: number,
  what: string,
): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of source) {
    seen += chunk.byteLength;
    if (seen > limit) throw new LimitError("TOO_LARGE", `${what} is larger than ${limit} bytes`);
    yield chunk;
  }
}

/** All bytes of `source`, at most `limit`; throws TOO_LARGE, naming `what`, past it. */
export async function collectBytes(source: AsyncIterable<Uint8Array>, limit: number, what: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of limitBytes(source, limit, what)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
