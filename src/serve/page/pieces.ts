import { formatAge, html, shortDigest, type Digest, type Html } from "../../lib/index.ts";

/** A digest's beginning, all of it on hover. */
export function digestText(digest: Digest): Html {
  return html`<code title="${digest}">${shortDigest(digest)}</code>`;
}

/** How long before `at` something was. */
export function age(since: string, at: string): string {
  return formatAge((Date.parse(at) - Date.parse(since)) / 1000);
}
