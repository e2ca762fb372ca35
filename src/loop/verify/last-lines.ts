const maxLines = 20;

/** Bytes of what a check said that are kept: all of them, packed, beside its verdict. */
export const maxCheckLog = 1_048_576;

/** The end of what a check said: what is kept with its verdict. */
export function lastLines(output: string): string[] {
  const text = output.trimEnd();
  return text === "" ? [] : text.split("\n").slice(-maxLines);
}
