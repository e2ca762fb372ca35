const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const invisible = /^(?:\p{Mn}|\p{Me}|\u200d)$/u;

/** Columns that `text` takes on a terminal: wide characters two, combining ones none. Unicode UAX 11, roughly. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** `text` cut to `width` columns, its last one an ellipsis where something was cut off. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  return `${takeColumns(text, width - 1)}…`;
}

/** The beginning of `text` that takes at most `width` columns. */
function takeColumns(text: string, width: number): string {
  let kept = "";
  let used = 0;
  for (const character of text) {
    used += characterWidth(character);
    if (used > width) break;
    kept += character;
  }
  return kept;
}

/** `text` in lines of at most `width` columns, broken at spaces where there are any; past `limit` lines it is cut with an ellipsis. */
export function wrapText(text: string, width: number, limit: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (textWidth(rest) > width && lines.length < limit - 1) {
    const fitting = takeColumns(rest, Math.max(2, width));
    const space = rest[fitting.length] === " " ? fitting.length : fitting.lastIndexOf(" ");
    const line = space > 0 ? rest.slice(0, space) : fitting;
    lines.push(line);
    rest = rest.slice(line.length).trimStart();
  }
  lines.push(cutText(rest, width));
  return lines;
}

/** `text` with spaces after it, or before it, up to `width` columns. */
export function padText(text: string, width: number, align: "left" | "right"): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return align === "left" ? text + space : space + text;
}

function characterWidth(character: string): number {
  if (invisible.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}
