import { mediaTypes, parseDocument, type Descriptor } from "../../../core/image/index.ts";
import { digestOf } from "./blob-routes.ts";
import { Refusal } from "./refusal.ts";
import { answerBytes, answerJson, type Exchange } from "./reply.ts";
import type { StoredManifest } from "./state.ts";

const pageOfReferrers = 500;
const pageOfTags = 10_000;

/** GET of `/v2/<name>/tags/list`, with `n` and `last`. distribution-spec 1.1, Listing Tags. */
export function listTags(exchange: Exchange): void {
  const repository = exchange.store.repository(exchange.repository);
  if (repository === undefined) throw new Refusal(404, "NAME_UNKNOWN", "no such repository");
  const all = (repository.sortedTags ??= [...repository.tags.keys()].sort());
  const { query } = exchange;
  const n = query.get("n");
  if (n !== null && !/^\d{1,9}$/.test(n)) throw new Refusal(400, "UNSUPPORTED", "n is not a number");
  const last = query.get("last");
  const start = last === null ? 0 : countUpTo(all, last);
  const count = Math.min(n === null ? pageOfTags : Number(n), pageOfTags);
  const tags = all.slice(start, start + count);
  const end = tags.at(-1);
  const more = end !== undefined && start + count < all.length;
  const next = `/v2/${exchange.repository}/tags/list?n=${count}&last=${encodeURIComponent(end ?? "")}`;
  answerJson(exchange, 200, { name: exchange.repository, tags }, more ? { Link: `<${next}>; rel="next"` } : {});
}

/** GET of `/v2/<name>/referrers/<digest>`, with `artifactType`. distribution-spec 1.1, Listing Referrers. */
export async function listReferrers(exchange: Exchange): Promise<void> {
  const { store, query } = exchange;
  const subject = digestOf(exchange.target);
  const artifactType = query.get("artifactType");
  const repository = store.repository(exchange.repository);
  const all = [...(repository?.referrers.get(subject) ?? [])].sort();
  const last = query.get("last");
  const start = last === null ? 0 : countUpTo(all, last);
  const page = all.slice(start, start + pageOfReferrers);
  const found: Descriptor[] = [];
  for (const digest of page) {
    const manifest = repository?.manifests.get(digest);
    const described = manifest === undefined ? undefined : await describeReferrer(exchange, manifest);
    if (described !== undefined && (artifactType === null || described.artifactType === artifactType))
      found.push(described);
  }
  const end = page.at(-1);
  const more = end !== undefined && start + page.length < all.length;
  const filter = artifactType === null ? "" : `artifactType=${encodeURIComponent(artifactType)}&`;
  const body = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: found }));
  answerBytes(
    exchange,
    200,
    {
      "Content-Type": mediaTypes.index,
      ...(artifactType === null ? {} : { "OCI-Filters-Applied": "artifactType" }),
      ...(more ? { Link: `</v2/${exchange.repository}/referrers/${subject}?${filter}last=${end}>; rel="next"` } : {}),
    },
    body,
  );
}

async function describeReferrer(exchange: Exchange, stored: StoredManifest): Promise<Descriptor | undefined> {
  const { entry, mediaType } = stored;
  const bytes = await exchange.store.content.read(entry.digest);
  if (bytes === undefined) return undefined;
  const document = parseDocument({ bytes, mediaType });
  const { artifactType, annotations } = document.kind === "manifest" ? document.manifest : document.index;
  const type = artifactType ?? (document.kind === "manifest" ? document.manifest.config.mediaType : undefined);
  return {
    mediaType,
    digest: entry.digest,
    size: entry.size,
    ...(type === undefined ? {} : { artifactType: type }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

/** How many of the sorted names come up to and including `last`. */
function countUpTo(sorted: readonly string[], last: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? "") <= last) low = middle + 1;
    else high = middle;
  }
  return low;
}
