import { Writable } from "node:stream";
import { printable } from "../../lib/index.ts";

/** What was written, control characters made visible. */
export interface KeptOutput {
  readonly sink: Writable;
  text(): string;
  truncated(): boolean;
}

/** Keeps the first `limit` bytes that are written and lets the rest go. */
export function keepFirst(limit: number): KeptOutput {
  const chunks: Buffer[] = [];
  let seen = 0;
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (seen < limit) chunks.push(Buffer.from(chunk.subarray(0, limit - seen)));
      seen += chunk.length;
      done();
    },
  });
  const text = (): string => Buffer.concat(chunks).toString("utf8").split("\n").map(printable).join("\n");
  return { sink, text, truncated: () => seen > limit };
}
