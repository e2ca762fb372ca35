import { formatAge, shortDigest, type Digest } from "../../lib/index.ts";
import { html, type Html } from "./html.ts";

/** A digest's beginning, all of it on hover. */
export function digestText(digest: Digest): Html {
  return html`<code title="${digest}">${shortDigest(digest)}</code>`;
}

/** How long before `at` something was. */
export function age(since: string, at: string): string {
  return formatAge((Date.parse(at) - Date.parse(since)) / 1000);
}
