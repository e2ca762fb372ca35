import { formatAge, shortDigest, type Digest } from "../lib/index.ts";
import type { Screen } from "./screen.ts";

/** A digest in a table, a dash where there is none. */
export function showDigest(digest: Digest | null): string {
  return digest === null ? "–" : shortDigest(digest);
}

/** How long before `at` the moment `since` was; both as the contract writes them. */
export function showAge(since: string | null, at: string): string {
  if (since === null) return "–";
  return formatAge((Date.parse(at) - Date.parse(since)) / 1000);
}

/** A moment in UTC to the second: `2026-01-02 03:04:05Z`. */
export function showTime(instant: string | null): string {
  return instant === null ? "–" : `${instant.slice(0, 10)} ${instant.slice(11, 19)}Z`;
}

/** The first `limit` of `items`, and how many more there are. */
export function showSome(items: readonly string[], limit: number): string {
  const shown = items.slice(0, limit).join(", ");
  return items.length > limit ? `${shown} and ${items.length - limit} more` : shown;
}

/** `1 image`, `2 images`. */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** A heading and what stands under it; nothing where there is nothing. */
export function section(title: string, body: string, screen: Screen): string[] {
  return body === "" ? [] : ["", screen.bold(title), body];
}
