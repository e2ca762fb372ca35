import { printable } from "../lib/index.ts";
import type { Paint, Screen } from "./screen.ts";
import { cutText, padText, textWidth } from "./text-width.ts";

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** May be cut where the terminal is too narrow; the widest such column gives first. */
  readonly flexible?: boolean;
}

/** A cell: text, or text and how it is painted. */
export type Cell = string | { readonly text: string; readonly paint: Paint };

/** Rows under a header, columns aligned, cut to the screen's width, everything unprintable made visible. No rows, no text. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly Cell[])[], screen: Screen): string {
  if (rows.length === 0) return "";
  const texts = rows.map((row) => columns.map((_, index) => printable(cellText(row[index]))));
  const widths = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...texts.map((row) => textWidth(row[index] ?? ""))),
  );
  fitWidths(widths, columns, screen.width);
  const line = (cells: readonly string[], paint: (text: string, index: number) => string) =>
    cells
      .map((text, index) => {
        const width = widths[index] ?? 0;
        const cut = cutText(text, width);
        const last = index === columns.length - 1;
        const padded =
          last && columns[index]?.align !== "right" ? cut : padText(cut, width, columns[index]?.align ?? "left");
        return paint(padded, index);
      })
      .join("  ")
      .trimEnd();
  const header = line(
    columns.map((column) => column.title),
    (text) => screen.dim(text),
  );
  const body = texts.map((row, at) => line(row, (text, index) => cellPaint(rows[at]?.[index])(text)));
  return [header, ...body].join("\n");
}

/** Takes from the widest flexible column until the line fits; a column keeps eight columns of width. */
function fitWidths(widths: number[], columns: readonly Column[], limit: number | undefined): void {
  if (limit === undefined) return;
  const gaps = 2 * (columns.length - 1);
  let over = widths.reduce((sum, width) => sum + width, gaps) - limit;
  while (over > 0) {
    let widest = -1;
    columns.forEach((column, index) => {
      const width = widths[index] ?? 0;
      if (column.flexible === true && width > 8 && width > (widths[widest] ?? 0)) widest = index;
    });
    if (widest < 0) return;
    widths[widest] = (widths[widest] ?? 0) - 1;
    over -= 1;
  }
}

function cellText(cell: Cell | undefined): string {
  if (cell === undefined) return "";
  return typeof cell === "string" ? cell : cell.text;
}

function cellPaint(cell: Cell | undefined): Paint {
  return typeof cell === "object" ? cell.paint : (text) => text;
}
