import { isTag } from "../../../core/image/index.ts";
import { RegistryError } from "../error.ts";
import type { Place } from "./manifests.ts";
import type { Answer } from "./transport.ts";

const pageLimit = 16 * 1024 * 1024;
const maxTags = 1_000_000;
const maxPages = 2000;

/** All tags of a repository in the registry's order; none where it does not exist. distribution-spec 1.1, Listing Tags. */
export async function fetchTags(
  place: Place,
  options: { readonly signal?: AbortSignal | undefined; readonly waits?: boolean } = {},
): Promise<readonly string[]> {
  const what = `tags of ${place.registry}/${place.repository}`;
  const found: string[] = [];
  let to: string | URL | undefined = `/v2/${place.repository}/tags/list?n=1000`;
  for (let pages = 0; to !== undefined; pages += 1) {
    if (pages >= maxPages) throw new RegistryError("BAD_ANSWER", `${what}: more than ${maxPages} pages`);
    const answer: Answer = await place.requester.ask({
      method: "GET",
      to,
      scopes: [`repository:${place.repository}:pull`],
      ...options,
      expect: [200, 404],
      what,
    });
    if (answer.status === 404) {
      await answer.drain();
      return [];
    }
    const page = parsePage(await answer.bytes(pageLimit, what), what);
    found.push(...page);
    if (found.length > maxTags) throw new RegistryError("BAD_ANSWER", `${what}: more than ${maxTags}`);
    to = page.length === 0 ? undefined : nextPage(place, answer, what);
  }
  return found;
}

/** The address of the next page, from the Link header; it must be the registry's own. RFC 8288. */
export function nextPage(place: Place, answer: Answer, what: string): URL | undefined {
  const link = /<([^<>]*)>\s*;[^,]*\brel="?next"?/.exec(answer.header("link") ?? "")?.[1];
  if (link === undefined) return undefined;
  const url = place.requester.follow(link, answer.url, what);
  if (url.origin !== place.requester.origin) {
    throw new RegistryError("REFUSED_REDIRECT", `${what}: the next page is at ${url.origin}`);
  }
  if (url.href === answer.url.href) throw new RegistryError("BAD_ANSWER", `${what}: the next page is the same page`);
  return url;
}

function parsePage(bytes: Buffer, what: string): readonly string[] {
  let tags: unknown;
  try {
    ({ tags } = JSON.parse(bytes.toString("utf8")) as { tags?: unknown });
  } catch {
    throw new RegistryError("BAD_ANSWER", `${what}: the answer is not JSON`);
  }
  if (tags === null || tags === undefined) return [];
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === "string" && isTag(tag))) return tags as string[];
  throw new RegistryError("BAD_ANSWER", `${what}: the answer is not a list of tags`);
}
