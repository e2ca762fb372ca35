import { printable } from "../lib/index.ts";
import type { Paint, Screen } from "./screen.ts";
import { padText, textWidth, wrapText } from "./text-width.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** May be narrower than its texts where the terminal is: they go on in the next line. The widest such column gives first. */
  readonly flexible?: boolean;
}

/** A cell: text, text and how it is painted, or several lines. */
export type Cell = string | { readonly text: string; readonly paint: Paint } | readonly string[];

/** A text that goes on for longer is cut. */
const linesPerText = 6;
const narrowest = 10;

/** Rows under a header, columns aligned, fitted to the screen's width, everything unprintable made visible. No rows, no text. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], screen: Screen): string {
  if (rows.length === 0) return "";
  const texts = rows.map((row) => columns.map((_, index) => cellLines(row[index]).map(printable)));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...texts.flatMap((row) => (row[index] ?? []).map(textWidth))),
  );
  fitWidths(widths, columns, screen.width);

  const line = (cells: readonly string[], paint: (text: string, index: number) => string) =>
    cells
      .map((text, index) => {
        const align = columns[index]?.align ?? "left";
        const last = index === columns.length - 1;
        return paint(last && align === "left" ? text : padText(text, widths[index] ?? 0, align), index);
      })
      .join("  ")
      .trimEnd();
  const header = line(
    columns.map((column) => column.title),
    (text) => screen.dim(text),
  );
  const body = texts.flatMap((row, at) => {
    const wrapped = row.map((lines, index) =>
      lines.flatMap((text) => wrapText(text, widths[index] ?? 0, linesPerText)),
    );
    const height = Math.max(1, ...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, of) =>
      line(
        wrapped.map((lines) => lines[of] ?? ""),
        (text, index) => cellPaint(rows[at]?.[index])(text),
      ),
    );
  });
  return [header, ...body].join("\n");
}

/** Takes from the widest flexible column until the line fits. */
function fitWidths(widths: number[], columns: readonly Column[], limit: number | undefined): void {
  if (limit === undefined) return;
  const gaps = 2 * (columns.length - 1);
  let over = widths.reduce((sum, width) => sum + width, gaps) - limit;
  while (over > 0) {
    let widest = -1;
    columns.forEach((column, index) => {
      const width = widths[index] ?? 0;
      if (column.flexible === true && width > narrowest && width > (widths[widest] ?? 0)) widest = index;
    });
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over -= 1;
  }
}

function cellLines(cell: Cell | undefined): readonly string[] {
  if (cell === undefined) return [""];
  if (typeof cell === "string") return [cell];
  return "text" in cell ? [cell.text] : cell;
}

function cellPaint(cell: Cell | undefined): Paint {
  return typeof cell === "object" && "paint" in cell ? cell.paint : (text) => text;
}
