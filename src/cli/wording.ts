import { formatAge, shortDigest, type Digest } from "../lib/index.ts";
import type { CauseView, PackageChangeView } from "../operation/index.ts";
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

/** `openssl 3.0.1 → 3.0.2`, `zlib1g 1.3 (new)`, `curl 8.1 (gone)`. */
export function showChange(change: PackageChangeView): string {
  if (change.from === null) return `${change.name} ${change.to ?? ""} (new)`;
  if (change.to === null) return `${change.name} ${change.from} (gone)`;
  return `${change.name} ${change.from} → ${change.to}`;
}

/** The first `limit` of `items`, and how many more there are. */
export function showSome(items: readonly string[], limit: number): string {
  const shown = items.slice(0, limit).join(", ");
  return items.length > limit ? `${shown} and ${items.length - limit} more` : shown;
}

/** Advisory ids on which causes hang, a changelog's word marked. */
export function showAdvisories(causes: readonly CauseView[], limit: number): string {
  const refs = causes.flatMap((cause) => (cause.kind === "package" ? cause.advisories : []));
  const ids = new Map(refs.map((ref) => [ref.id, ref.source]));
  return showSome(
    [...ids].map(([id, source]) => (source === "feed" ? id : `${id} (changelog)`)),
    limit,
  );
}

/** `1 image`, `2 images`. */
export function plural(amount: number, one: string, many = `${one}s`): string {
  return `${amount} ${amount === 1 ? one : many}`;
}

/** A heading and what stands under it; nothing where there is nothing. */
export function section(title: string, body: string, screen: Screen): string[] {
  return body === "" ? [] : ["", screen.bold(title), body];
}
