import { html, type Html } from "../../lib/index.ts";

/** A row of numbers, one for each place of the axis; null: not known there, and no point is drawn. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
  readonly as: "line" | "bar";
  /** The second of two: dashed, or stronger. */
  readonly isSecond?: boolean;
}

const width = 720;
const height = 200;
const left = 46;
const bottom = 22;
const top = 10;

/** A chart as SVG, with all that it shows in its label: numbers stand in a table beside it. */
export function chart(
  title: string,
  places: readonly string[],
  series: readonly Series[],
  unit: (value: number) => string,
): Html {
  const highest = Math.max(0, ...series.flatMap(({ values }) => values.flatMap((value) => value ?? [])));
  const limit = roundUp(highest);
  const step = (width - left - 8) / Math.max(1, places.length);
  const x = (at: number): number => round(left + step * (at + 0.5));
  const y = (value: number): number => round(top + (height - top - bottom) * (1 - value / limit));
  const every = Math.max(1, Math.ceil(places.length / 9));
  const bars = series.filter(({ as }) => as === "bar");
  return html`<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}">
    ${[0, 0.5, 1].map((share) => html`<line class="grid" x1="${left}" x2="${width - 8}" y1="${y(limit * share)}" y2="${y(limit * share)}" /><text x="${left - 6}" y="${y(limit * share) + 4}" text-anchor="end">${unit(limit * share)}</text>`)}
    ${places.map((place, at) => (at % every === 0 ? html`<text x="${x(at)}" y="${height - 6}" text-anchor="middle">${place}</text>` : undefined))}
    ${bars.map(({ values, isSecond }) => html`${values.map((value, at) => (value === null || value === 0 ? undefined : html`<rect class="${isSecond === true ? "bar-strong" : "bar"}" x="${round(x(at) - step * 0.36)}" width="${round(Math.max(1, step * 0.72))}" y="${y(value)}" height="${round(Math.max(0, y(0) - y(value)))}" />`))}`)}
    ${series.filter(({ as }) => as === "line").map((one) => lineOf(one, x, y))}
  </svg>`;
}

function lineOf({ values, isSecond }: Series, x: (at: number) => number, y: (value: number) => number): Html {
  const runs: string[][] = [[]];
  for (const [at, value] of values.entries()) {
    if (value === null) runs.push([]);
    else runs.at(-1)?.push(`${x(at)},${y(value)}`);
  }
  const points = values.flatMap((value, at) => (value === null ? [] : [[x(at), y(value)] as const]));
  return html`${runs
    .filter((run) => run.length > 1)
    .map(
      (run) => html`<polyline class="${isSecond === true ? "line-second" : "line"}" points="${run.join(" ")}" />`,
    )}${points.map(
    ([cx, cy]) => html`<circle class="${isSecond === true ? "dot-second" : "dot"}" cx="${cx}" cy="${cy}" r="2.2" />`,
  )}`;
}

/** The next of 1, 2, 5, 10, 20… */
function roundUp(value: number): number {
  if (value <= 1) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((one) => one * ten).find((one) => one >= value) ?? value;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
