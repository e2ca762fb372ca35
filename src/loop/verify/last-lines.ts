const maxLines = 20;

/** The end of what a check said: what is kept with its verdict. */
export function lastLines(output: string): string[] {
  const text = output.trimEnd();
  return text === "" ? [] : text.split("\n").slice(-maxLines);
}
