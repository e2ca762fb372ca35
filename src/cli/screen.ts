/** How a text is painted: itself where there is no colour. */
export type Paint = (text: string) => string;

/** Where a command's words go, and what that place can show. */
export interface Screen {
  /** Columns of the terminal; undefined where lines may be as long as they are. */
  readonly width: number | undefined;
  /** Whether what is written can be redrawn. */
  readonly live: boolean;
  /** Standard output, and standard error. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
}

interface Stream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** A screen over two streams. Colour needs a terminal, no `NO_COLOR` (no-color.org) and a `TERM` that is not `dumb`. */
export function createScreen(
  streams: { readonly out: Stream; readonly err: Stream },
  environment: Readonly<Record<string, string | undefined>>,
): Screen {
  const terminal = streams.out.isTTY === true;
  const smart = terminal && environment.TERM !== "dumb";
  const colour = smart && (environment.NO_COLOR ?? "") === "";
  const style = (open: number, close: number) => (text: string) =>
    colour && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    get width() {
      return terminal ? Math.max(40, streams.out.columns ?? 80) : undefined;
    },
    live: smart,
    out: (text) => void streams.out.write(text),
    err: (text) => void streams.err.write(text),
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
  };
}
