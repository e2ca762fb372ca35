import { createHash } from "node:crypto";
import { formatSeconds, html, Html, shortDigest } from "../../lib/index.ts";
import type { ExposureView, ReportDocument } from "../../operation/index.ts";
import { chart } from "./chart.ts";
import { reportStyle } from "./report-style.ts";

/**
 * The report as one file: style and charts inside, no script, nothing from elsewhere; its own policy forbids all but its style. Every name, label and id is escaped. WCAG 2.2: each chart has a table of what
 * it shows.
 */
export function formatReport(document: ReportDocument): string {
  // Its hash is in the page's policy: not a space may come between.
  const style = new Html(`<style>${reportStyle}</style>`);
  const hash = createHash("sha256").update(reportStyle).digest("base64");
  const { period, environment, label, framework } = document;
  const told = document.frameworks.find(({ name }) => name === framework);
  const whose =
    label === null ? "the fleet" : label.value === null ? `the fleet, by ${label.key}` : `${label.key}=${label.value}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash}'" />
        <title>Exposure of ${whose}, ${period.from} to ${period.through}</title>
        ${style}
      </head>
      <body>
        <header>
          <h1>Exposure of ${whose}</h1>
          <p class="soft">
            ${environment}, ${period.from} to ${period.through} (UTC), as of ${document.at}. Deadlines:
            ${told?.title ?? framework}.
          </p>
        </header>
        <main>
          ${doubts(document)} ${headline(document)} ${weeks(document)} ${open(document)} ${deadlines(document)}
          ${parts(document)} ${oldest(document)}
        </main>
        <footer>
          Made by Tidemill ${document.tidemill}. What each figure means: docs/exposure.md. The same as data is in the
          JSON beside this file; both have detached signatures where a key is configured.
        </footer>
      </body>
    </html> `;
  return page.text;
}

function doubts({ doubts: all }: ReportDocument): Html | undefined {
  if (all.length === 0) return undefined;
  return html`<div class="doubt" role="note">
    <strong>Not everything is known.</strong> What is not listed here need not be away.
    <ul>
      ${all.map((one) => html`<li>${one}</li>`)}
    </ul>
  </div>`;
}

const span = (seconds: number | null): string => (seconds === null ? "–" : formatSeconds(seconds));
const percent = (value: number | null): string => (value === null ? "–" : `${value} %`);
const n = (value: number): string => value.toLocaleString("en-US");

function headline({ fleet, doubts: all }: ReportDocument): Html {
  const tile = (title: string, value: string, more: string): Html =>
    html`<div>
      <dt>${title}</dt>
      <dd>${value}<small>${more}</small></dd>
    </div>`;
  const { fixToProduction: fix, imageAge, rebuilds, closed } = fleet;
  const cured = closed.deployed + closed.promoted;
  // Nothing found by nobody asked is not clean.
  const [least, known] = all.length === 0 ? ["", ""] : ["at least ", " that is known"];
  return html`<dl>
    ${tile("Fix to production, median", span(fix.medianSeconds), `95th percentile ${span(fix.p95Seconds)}, of ${n(fix.count)}`)}
    ${tile("Within deadline", percent(fleet.percentWithin), `${n(fleet.met)} in time, ${n(fleet.missed)} too late, ${n(fleet.overdue)} overdue now`)}
    ${tile("Open now", `${least}${n(fleet.open)}`, `${n(fleet.opened)} opened, ${n(cured)} cured in the period`)}
    ${tile("Rebuilds", n(rebuilds.total), `${n(rebuilds.closedNothing)} closed nothing${known}, ${n(rebuilds.failed)} failed`)}
    ${tile("Image age, median", span(imageAge.medianSeconds), `95th percentile ${span(imageAge.p95Seconds)}, of ${n(imageAge.count)}`)}
    ${tile("Ended otherwise", n(closed.withdrawn + closed.changed + closed.vex + closed.retired), `withdrawn ${n(closed.withdrawn)}, changed ${n(closed.changed)}, VEX ${n(closed.vex)}, retired ${n(closed.retired)}`)}
  </dl>`;
}

interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

function table(caption: string, columns: readonly Column[], rows: readonly (readonly (string | Html)[])[]): Html {
  const cell = (value: string | Html, at: number): Html =>
    at === 0
      ? html`<th scope="row">${value}</th>`
      : columns[at]?.isNumber === true
        ? html`<td class="n">${value}</td>`
        : html`<td>${value}</td>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table aria-label="${caption}">
      <thead>
        <tr>
          ${columns.map(({ title, isNumber }) => (isNumber === true ? html`<th scope="col" class="n">${title}</th>` : html`<th scope="col">${title}</th>`))}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (row) =>
            html`<tr>
              ${row.map(cell)}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

const number = (title: string): Column => ({ title, isNumber: true });

function weeks({ weeks: all }: ReportDocument): Html {
  const places = all.map(({ week }) => week.slice(5));
  const hours = (seconds: number | null): number | null => (seconds === null ? null : seconds / 3600);
  const key = (kind: string, name: string): Html => html`<span class="key ${kind}"></span>${name}`;
  return html`<h2>Week by week</h2>
    <figure>
      ${chart(
        "Hours from fix to production by week: median and 95th percentile",
        places,
        [
          { name: "median", as: "line", values: all.map((one) => hours(one.fixToProduction.medianSeconds)) },
          {
            name: "95th percentile",
            as: "line",
            isSecond: true,
            values: all.map((one) => hours(one.fixToProduction.p95Seconds)),
          },
        ],
        (value) => `${trim(value)} h`,
      )}
      <figcaption>From fix to production: ${key("", "median")}${key("key-second", "95th percentile")}</figcaption>
    </figure>
    <figure>
      ${chart("Open exposures at the end of each week", places, [{ name: "open", as: "bar", values: all.map(({ open: at }) => Math.max(0, at)) }], short)}
      <figcaption>${key("key-bar", "Open at the end of the week")}</figcaption>
    </figure>
    <figure>
      ${chart("Percent of deadlines kept by week", places, [{ name: "within", as: "line", values: all.map((one) => one.percentWithin) }], (value) => `${trim(value)} %`)}
      <figcaption>${key("", "Closed within the deadline, of those that a cure ended or that missed it")}</figcaption>
    </figure>
    <figure>
      ${chart(
        "Rebuilds by week, and those that closed nothing",
        places,
        [
          { name: "rebuilds", as: "bar", values: all.map(({ rebuilds }) => rebuilds) },
          { name: "closed nothing", as: "bar", isSecond: true, values: all.map((one) => one.rebuildsClosedNothing) },
        ],
        short,
      )}
      <figcaption>${key("key-bar", "Rebuilds")}${key("key-bar key-strong", "of these closed nothing")}</figcaption>
    </figure>
    <details open>
      <summary>The numbers of these charts</summary>
      ${table(
        "Week by week",
        [
          { title: "Week of" },
          number("Opened"),
          number("Closed"),
          number("Open"),
          number("Median"),
          number("95th"),
          number("In time"),
          number("Rebuilds"),
          number("Closed nothing"),
        ],
        all.map((one) => [
          one.week,
          n(one.opened),
          n(one.closed),
          n(one.open),
          span(one.fixToProduction.medianSeconds),
          span(one.fixToProduction.p95Seconds),
          percent(one.percentWithin),
          n(one.rebuilds),
          n(one.rebuildsClosedNothing),
        ]),
      )}
    </details>`;
}

function short(value: number): string {
  return value >= 10_000 ? `${trim(value / 1000)} k` : trim(value);
}

function trim(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function open({ openByAge }: ReportDocument): Html {
  return html`<h2>Open now, by age</h2>
    <figure>
      ${chart(
        "Open exposures by age in days",
        openByAge.map(({ days }) => days),
        [{ name: "open", as: "bar", values: openByAge.map(({ total }) => total) }],
        short,
      )}
      <figcaption>Days since they were detected</figcaption>
    </figure>
    ${table(
      "Open by age",
      [{ title: "Days" }, number("Critical"), number("High"), number("Medium"), number("Others"), number("All")],
      openByAge.map((one) => [one.days, n(one.critical), n(one.high), n(one.medium), n(one.other), n(one.total)]),
    )}`;
}

function deadlines({ frameworks }: ReportDocument): Html {
  return html`<h2>By whose deadlines</h2>
    ${table(
      "Deadlines",
      [
        { title: "Whose" },
        number("In time"),
        number("Too late"),
        number("Overdue now"),
        number("Within"),
        { title: "Source" },
      ],
      frameworks.map((one) => [
        one.title,
        n(one.met),
        n(one.missed),
        n(one.overdue),
        percent(one.percentWithin),
        one.source,
      ]),
    )}`;
}

function parts({ parts: all, label }: ReportDocument): Html | undefined {
  if (label === null) return undefined;
  return html`<h2>By ${label.key}</h2>
    ${table(
      `By ${label.key}`,
      [
        { title: label.key },
        number("Images"),
        number("Open"),
        number("Overdue"),
        number("Median"),
        number("95th"),
        number("Within"),
        number("Rebuilds"),
        number("Closed nothing"),
        number("Image age"),
      ],
      all.map((one) => [
        one.label ?? "(none)",
        n(one.images),
        n(one.open),
        n(one.overdue),
        span(one.fixToProduction.medianSeconds),
        span(one.fixToProduction.p95Seconds),
        percent(one.percentWithin),
        n(one.rebuilds.total),
        n(one.rebuilds.closedNothing),
        span(one.imageAge.medianSeconds),
      ]),
    )}`;
}

function oldest({ oldest: all, framework }: ReportDocument): Html {
  if (all.length === 0)
    return html`<h2>Open longest</h2>
      <p class="soft">Nothing that is known is open.</p>`;
  const moment = (one: ExposureView, name: string): string =>
    one.milestones.find((found) => found.name === name)?.at?.slice(0, 10) ?? "unknown";
  const due = (one: ExposureView): string => {
    const found = one.deadlines.find((deadline) => deadline.framework === framework);
    return found === undefined ? "none" : `${found.at.slice(0, 10)}${found.verdict === "missed" ? " (missed)" : ""}`;
  };
  return html`<h2>Open longest</h2>
    ${table(
      "Open longest",
      [
        { title: "Advisory" },
        { title: "Image" },
        { title: "Severity" },
        { title: "Detected" },
        { title: "Fix available" },
        { title: "Deadline" },
        { title: "On its way" },
      ],
      all.map((one) => [
        one.advisory,
        one.image,
        `${one.severity}${one.exploitedSince === null ? "" : ", exploited"}`,
        moment(one, "detected"),
        moment(one, "fix-available"),
        due(one),
        one.digest === null ? "nothing" : html`<code>${shortDigest(one.digest)}</code>`,
      ]),
    )}`;
}
