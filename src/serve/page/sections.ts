import { html, type Html } from "../../lib/index.ts";
import type { Status } from "../../operation/index.ts";
import { age, digestText } from "./pieces.ts";

/** A table under a heading; where it has no rows, `empty` stands instead, or nothing at all. */
function section(title: string, columns: readonly string[], rows: readonly Html[], empty?: string): Html | undefined {
  const id = title.toLowerCase().replaceAll(" ", "-");
  if (rows.length === 0) {
    return empty === undefined
      ? undefined
      : html`<section>
          <h2>${title}</h2>
          <p class="empty">${empty}</p>
        </section>`;
  }
  return html`<section aria-labelledby="${id}">
    <h2 id="${id}">${title} <small>${rows.length}</small></h2>
    <div class="scroll" tabindex="0" role="region" aria-labelledby="${id}">
      <table>
        <thead>
          <tr>
            ${columns.map((column) => html`<th scope="col">${column}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </section>`;
}

/** A moment as its age, the moment itself on hover and for machines. */
function ago(since: string | null, at: string, never = "never"): Html {
  if (since === null) return html`<span class="soft">${never}</span>`;
  return html`<time datetime="${since}" title="${since}">${age(since, at)} ago</time>`;
}

export function rebuildsSection(status: Status): Html | undefined {
  const rows = status.rebuilds.map(
    (rebuild) =>
      html`<tr>
        <th scope="row">${rebuild.image}</th>
        <td>
          <span class="state busy">${rebuild.step}</span
          >${rebuild.environment === null ? undefined : html` in ${rebuild.environment}`}${
            rebuild.attempt > 1 ? html`<small>attempt ${rebuild.attempt}</small>` : undefined
          }
        </td>
        <td>${rebuild.lane === "urgent" ? html`<span class="state warn">urgent</span>` : "routine"}</td>
        <td>${age(rebuild.since, status.at)}</td>
        <td class="why">${rebuild.reason}</td>
      </tr>`,
  );
  return section("In flight", ["Image", "Step", "Lane", "For", "Cause"], rows, "Nothing is being rebuilt.");
}

export function deploymentsSection(status: Status): Html | undefined {
  const rows = status.images.flatMap((image) =>
    image.environments.flatMap((place) =>
      place.deployments.map((one) => {
        const runs = one.since !== null && one.digest === place.digest;
        return html`<tr>
          <th scope="row">${image.name}</th>
          <td>${place.name}</td>
          <td>${one.name}</td>
          <td>
            ${runs ? html`<span class="state good">runs</span>` : html`<span class="state warn">to run</span>`}
            ${place.digest === null ? html`<span class="soft">nothing</span>` : digestText(place.digest)}
          </td>
          <td>${runs ? ago(one.since, status.at) : ""}</td>
          <td class="why">${one.waiting ?? ""}</td>
        </tr>`;
      }),
    ),
  );
  return section("Deployments", ["Image", "Environment", "By", "Digest", "Since", "Waits for"], rows);
}

export function promotionsSection(status: Status): Html | undefined {
  const rows = status.promotions.map(
    (row) =>
      html`<tr>
        <td>${ago(row.at, status.at)}</td>
        <th scope="row">${row.image}</th>
        <td>
          ${row.kind === "rolled-back" ? html`<span class="state bad">rolled back</span> in ` : undefined}${row.environment}
        </td>
        <td>
          ${row.from === null ? html`<span class="soft">nothing</span>` : digestText(row.from)} → ${digestText(row.to)}
        </td>
        <td class="why">${row.reason}</td>
      </tr>`,
  );
  return section(
    "Last promotions",
    ["When", "Image", "Environment", "Digest", "Cause"],
    rows,
    "Nothing has been promoted yet.",
  );
}

export function holdsSection(status: Status): Html | undefined {
  const rows = status.holds.map(
    (hold) =>
      html`<tr>
        <th scope="row">${hold.image ?? "every image"}</th>
        <td>${hold.environment ?? "everywhere"}</td>
        <td>${hold.by}</td>
        <td>${ago(hold.since, status.at)}</td>
        <td>${hold.until ?? "until it is resumed"}</td>
        <td class="why">${hold.reason}</td>
      </tr>`,
  );
  return section("Holds", ["Image", "Environment", "By", "Since", "Until", "Reason"], rows);
}

export function quarantinesSection(status: Status): Html | undefined {
  const rows = status.quarantines.map(
    (row) =>
      html`<tr>
        <th scope="row">${row.image}</th>
        <td>${digestText(row.digest)}</td>
        <td>${row.by}</td>
        <td>${ago(row.since, status.at)}</td>
        <td class="why">${row.reason}</td>
      </tr>`,
  );
  return section("Quarantined", ["Image", "Digest", "By", "Since", "Reason"], rows);
}

export function upstreamsSection(status: Status): Html | undefined {
  const tones = { ok: "good", stale: "warn", failing: "bad", unseen: "quiet" };
  const rows = status.upstreams.map(
    (row) =>
      html`<tr>
        <th scope="row">${row.name}<small>${row.kind}</small></th>
        <td><span class="state ${tones[row.state]}">${row.state}</span></td>
        <td>${ago(row.lastSuccess, status.at)}</td>
        <td>${row.generation === null ? "" : row.generation.slice(0, 16).replace("T", " ")}</td>
        <td class="why">${row.problem ?? ""}</td>
      </tr>`,
  );
  return section("Upstreams", ["Upstream", "State", "Last success", "Its own date (UTC)", "Problem"], rows);
}
