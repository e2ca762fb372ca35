import { html, shortDigest, type Html } from "../../lib/index.ts";
import type { Status } from "../../operation/index.ts";
import { age, digestText } from "./pieces.ts";
import {
  deploymentsSection,
  holdsSection,
  promotionsSection,
  quarantinesSection,
  rebuildsSection,
  upstreamsSection,
} from "./sections.ts";

type ImageState = Status["images"][number];

/** How an image's state is shown and how early in the list it comes: what needs somebody is on top. */
const imageStates: Readonly<Record<ImageState["state"], { readonly tone: string; readonly rank: number }>> = {
  failing: { tone: "bad", rank: 0 },
  held: { tone: "warn", rank: 1 },
  unknown: { tone: "warn", rank: 2 },
  rebuilding: { tone: "busy", rank: 3 },
  waiting: { tone: "quiet", rank: 4 },
  unbuilt: { tone: "quiet", rank: 5 },
  current: { tone: "good", rank: 6 },
};
const rowLimit = 500;

/** Who looks at the page, as far as it shows that. */
export type Visitor =
  | { readonly kind: "person"; readonly name: string; readonly csrf: string }
  /** Somebody else, who may log in. */
  | { readonly kind: "guest" }
  | { readonly kind: "none" };

/** The whole page: it stands without its script. */
export function renderPage(status: Status, visitor: Visitor): Html {
  const troubled = status.alarms.length > 0 ? `(${status.alarms.length}) ` : "";
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${troubled}Tidemill</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/page.css" />
        <noscript><meta http-equiv="refresh" content="30" /></noscript>
        <script src="/page.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#state">Skip to the fleet</a>
        <header>
          <h1>Tidemill</h1>
          <span class="soft">version ${status.version}</span>
          <div class="right">
            <span id="fresh" class="state quiet" role="status">as of ${status.at.slice(11, 19)} UTC</span>
            ${renderDoor(visitor)}
          </div>
        </header>
        <main id="state" tabindex="-1">${renderState(status)}</main>
        <footer>
          Everything here is also <a href="/api/v1/status">JSON</a>; the whole API is described
          <a href="/api/v1/openapi.json">here</a>. On the command line: <code>tidemill status</code>,
          <code>tidemill why IMAGE</code>, <code>tidemill plan</code>.
        </footer>
      </body>
    </html> `;
}

/** How somebody comes in, or out. */
export function renderDoor(visitor: Visitor): Html | undefined {
  if (visitor.kind === "none") return undefined;
  if (visitor.kind === "guest") return html`<a href="/auth/login">Log in</a>`;
  return html`<form class="door" method="post" action="/auth/logout">
    <input type="hidden" name="csrf" value="${visitor.csrf}" />
    <span>${visitor.name}</span> <button>Log out</button>
  </form>`;
}

/** What changes: the part of the page that its script swaps. */
export function renderState(status: Status): Html {
  return html`${lead(status)}${alarmsSection(status)}${imagesSection(status)}${rebuildsSection(status)}
  ${deploymentsSection(status)}${promotionsSection(status)}${holdsSection(status)}${quarantinesSection(status)}${upstreamsSection(status)}`;
}

function lead(status: Status): Html {
  const current = status.images.filter((image) => image.state === "current").length;
  const total = status.images.length;
  const fleet =
    total === 0
      ? "No image is declared yet"
      : current === total
        ? `All ${total} images are current`
        : `${current} of ${total} images are current`;
  const exposed = status.images.filter((image) => image.environments.some((place) => place.exposure.state === "open"));
  const { state, reason } = status.advisories;
  const tone = state === "current" ? "good" : "warn";
  return html`<p class="lead">
    ${fleet}${exposed.length > 0 ? `, ${exposed.length} exposed` : ""}. <span class="soft">Advisories:</span>
    <span class="state ${tone}">${state}${reason === null ? "" : `: ${reason}`}</span>
  </p>`;
}

function alarmsSection(status: Status): Html | undefined {
  if (status.alarms.length === 0) return undefined;
  const rows = status.alarms.map(
    (alarm) =>
      html`<li>
        <strong>${alarm.subject}</strong>: ${alarm.message}
        <span class="soft">for ${age(alarm.since, status.at)}</span>
        ${alarm.hint === null ? undefined : html`<p>${alarm.hint}</p>`}
      </li>`,
  );
  return html`<section class="alarms" role="alert" aria-labelledby="alarms">
    <h2 id="alarms">Alarms <small>${rows.length}</small></h2>
    <ul>
      ${rows}
    </ul>
  </section>`;
}

function imagesSection(status: Status): Html {
  const environments = [...new Set(status.images.flatMap((image) => image.environments.map((place) => place.name)))];
  const images = status.images.toSorted(
    (a, b) => imageStates[a.state].rank - imageStates[b.state].rank || (a.name < b.name ? -1 : 1),
  );
  const rows = images.slice(0, rowLimit).map(
    (image) =>
      html`<tr>
        <th scope="row">
          ${image.name}<small
            >${image.recipe}${image.parents.length > 0 ? ` on ${image.parents.join(", ")}` : ""}</small
          >
        </th>
        <td><span class="state ${imageStates[image.state].tone}">${image.state}</span></td>
        ${environments.map((name) => environmentCell(image, name, status.at))}
        <td class="why">${image.reason}${exposure(image, status.at)}</td>
      </tr>`,
  );
  const more =
    images.length > rowLimit
      ? html`<p class="empty">and ${images.length - rowLimit} more: tidemill status</p>`
      : undefined;
  if (rows.length === 0)
    return html`<section>
      <h2>Images</h2>
      <p class="empty">No image is declared yet.</p>
    </section>`;
  return html`<section aria-labelledby="images">
    <h2 id="images">Images <small>${images.length}</small></h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="images">
      <table>
        <thead>
          <tr>
            <th scope="col">Image</th>
            <th scope="col">State</th>
            ${environments.map((name) => html`<th scope="col">${name}</th>`)}
            <th scope="col">Why</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    ${more}
  </section>`;
}

function environmentCell(image: ImageState, name: string, at: string): Html {
  const place = image.environments.find((candidate) => candidate.name === name);
  if (place === undefined || place.digest === null)
    return html`<td data-label="${name}"><span class="soft">none</span></td>`;
  const conflict =
    place.conflict === null
      ? undefined
      : html`<small><span class="state bad">moved to ${shortDigest(place.conflict)}</span></small>`;
  return html`<td data-label="${name}">
    ${digestText(place.digest)}<small>${place.since === null ? "" : `for ${age(place.since, at)}`}</small>${conflict}
  </td>`;
}

function exposure(image: ImageState, at: string): Html | undefined {
  const last = image.environments.at(-1);
  if (last?.exposure.state !== "open") return undefined;
  const { advisories, since } = last.exposure;
  const named = advisories.slice(0, 3).join(", ");
  const more = advisories.length > 3 ? ` and ${advisories.length - 3} more` : "";
  return html`<small
    ><span class="state bad">exposed</span> ${named}${more}${since === null ? "" : ` for ${age(since, at)}`}</small
  >`;
}
