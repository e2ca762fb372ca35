import { StringDecoder } from "node:string_decoder";
import { formatBytes, maskSecrets, printable, secretForms } from "../../../lib/index.ts";
import type { LogSink } from "./types.ts";

/** What a build says, cut into lines. */
export interface BuildLog {
  /** A stream of the engine's program; its pieces need not end where lines do. */
  stream(): { write(chunk: Buffer): void; end(): void };
  /** A line of our own. */
  say(line: string): void;
  /** The last lines, whatever the limit. */
  tail(): readonly string[];
  /** Every line goes here as well, before the limit and after masking. */
  onLine(listener: (line: string) => void): void;
  /** Tells what was left out. */
  close(): void;
}

const keptLines = 30;
/** A line that is longer comes in pieces. */
const lineLimit = 8192;

/** Passes lines on to `sink`, at most `limit` bytes of them, with each of `secrets` masked wherever it stands in a line. */
export function createBuildLog(sink: LogSink, limit: number, secrets: readonly string[]): BuildLog {
  const needles = secretForms(secrets);
  const longest = Math.max(0, ...needles.map(({ length }) => length));
  const last: string[] = [];
  const listeners: ((line: string) => void)[] = [];
  let passed = 0;
  let dropped = 0;

  const hide = (text: string): string => maskSecrets(text, needles);

  function emit(raw: string): void {
    const line = printable(hide(raw));
    last.push(line);
    if (last.length > keptLines) last.shift();
    for (const listener of listeners) listener(line);
    const size = Buffer.byteLength(line) + 1;
    if (passed + size > limit) dropped += size;
    else {
      passed += size;
      sink(line);
    }
  }

  return {
    stream: () => {
      const decoder = new StringDecoder("utf8");
      let open = "";
      const take = (text: string): void => {
        const lines = (open + text).split(/\r\n|\n|\r(?=[^\n])/);
        open = lines.pop() ?? "";
        for (const line of lines) emit(line);
        // The end of a long line stays, for a secret may go on in what comes next.
        while (open.length > lineLimit + longest) {
          const safe = hide(open);
          const cut = Math.min(safe.length, safe === open ? lineLimit : safe.length - longest);
          emit(safe.slice(0, Math.max(cut, 1)));
          open = safe.slice(Math.max(cut, 1));
        }
      };
      return {
        write: (chunk) => take(decoder.write(chunk)),
        end: () => {
          take(decoder.end());
          if (open.trim() !== "") emit(open);
          open = "";
        },
      };
    },
    say: emit,
    tail: () => [...last],
    onLine: (listener) => void listeners.push(listener),
    close: () => {
      if (dropped > 0) sink(`… ${formatBytes(dropped)} of output were left out`);
    },
  };
}
