import type { IncomingMessage } from "node:http";
import type { Delivery } from "../../core/events/index.ts";
import { ServeError } from "../error.ts";

/** Bytes of one body where no other limit is given: a push of a thousand commits is under one MiB. */
const usualBytes = 4 * 1024 * 1024;
/** Bytes of all bodies that are being received. */
const allBytes = 64 * 1024 * 1024;

/** Reads bodies of deliveries. Throws TOO_LARGE past `bodyBytes` (4 MiB), TOO_MANY while all that are being received are too much, TOO_SLOW; what is left of the body is then not read. */
export function createBodyReader({
  timeMs,
  bodyBytes = usualBytes,
}: {
  /** In which a body must have come. */
  readonly timeMs: number;
  readonly bodyBytes?: number;
}): (request: IncomingMessage, query: URLSearchParams) => Promise<Delivery> {
  let held = 0;
  const bytesOf = (request: IncomingMessage): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let own = 0;
      const end = (settle: () => void): void => {
        clearTimeout(timer);
        request.removeAllListeners("data");
        request.pause();
        held -= own;
        own = 0;
        settle();
      };
      const fail = (error: unknown): void => end(() => reject(error));
      const timer = setTimeout(() => fail(new ServeError("TOO_SLOW", "the body did not come in time")), timeMs);
      request.on("data", (chunk: Buffer) => {
        own += chunk.length;
        held += chunk.length;
        if (own > bodyBytes) fail(tooLarge(bodyBytes));
        else if (held > allBytes) fail(new ServeError("TOO_MANY", "too much is being received at once"));
        else chunks.push(chunk);
      });
      request.on("end", () => end(() => resolve(Buffer.concat(chunks))));
      request.on("error", fail);
      request.on("close", () => fail(new ServeError("TOO_SLOW", "the connection ended before the body")));
    });
  return async (request, query) => {
    if (Number(request.headers["content-length"] ?? 0) > bodyBytes) throw tooLarge(bodyBytes);
    const body = await bytesOf(request);
    const { headers } = request;
    const header = (name: string): string | undefined => {
      const value = headers[name];
      return typeof value === "string" ? value : value?.[0];
    };
    return { header, query, body };
  };
}

function tooLarge(bodyBytes: number): ServeError {
  return new ServeError("TOO_LARGE", `the body is larger than ${bodyBytes} bytes`);
}
