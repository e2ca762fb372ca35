import { messageOf } from "./error.ts";

/** The body of an answer of `fetch` as text; undefined where it has more than `maxBytes`, and then no more of it is read. Throws where it breaks off. */
export async function readBody(response: Response, maxBytes: number): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  if (response.body === null) return "";
  for await (const piece of response.body as AsyncIterable<Uint8Array>) {
    bytes += piece.byteLength;
    if (bytes > maxBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString("utf8");
}

/** Why a `fetch` failed: it hides that in its cause. */
export function fetchFailure(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
}
