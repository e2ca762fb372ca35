/** Characters that are read at most: a token is far shorter. */
const limit = 8192;

/** One line of standard input, without blanks at its ends; at a terminal it is asked for on standard error and not shown. */
export async function readSecret(question: string, input: NodeJS.ReadStream = process.stdin): Promise<string> {
  const isTerminal = input.isTTY;
  if (isTerminal) {
    process.stderr.write(question);
    input.setRawMode(true);
  }
  let text = "";
  try {
    input.setEncoding("utf8");
    for await (const piece of input as AsyncIterable<string>) {
      for (const key of piece) {
        // Ctrl-C and Ctrl-D, which a terminal in raw mode does not act on.
        if (isTerminal && (key === "\u0003" || key === "\u0004")) return "";
        if (key === "\n" || key === "\r" || text.length >= limit) return text.trim();
        if (isTerminal && (key === "\u007f" || key === "\b")) text = text.slice(0, -1);
        else text += key;
      }
    }
    return text.trim();
  } finally {
    if (isTerminal) {
      input.setRawMode(false);
      process.stderr.write("\n");
    }
    input.pause();
  }
}
