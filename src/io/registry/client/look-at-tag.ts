import type { Descriptor } from "../../../core/image/index.ts";
import type { Instant } from "../../../lib/index.ts";
import { askManifest, describeHead, receiveManifest, type Place } from "./manifests.ts";
import type { Answer } from "./transport.ts";

/** What an earlier look brought, so that the next one may cost less. */
export interface KnownTag {
  readonly descriptor: Descriptor;
  /** The registry's own name for what it sent; undefined where it gives none. */
  readonly etag: string | undefined;
}

/** What a tag names now. */
export interface TagLook {
  /** Undefined where there is no such tag, or no such repository. */
  readonly found: KnownTag | undefined;
  /** What the registry's clock said; undefined where it said nothing. */
  readonly theirs: Instant | undefined;
  /** How many requests it took. */
  readonly requests: number;
}

const maxEtag = 300;

/** What `tag` names, by HEAD; where HEAD does not say it, by a GET that names what we know of (RFC 9110, 13.1.2), of which the registry is remembered. */
export async function lookAtTag(
  place: Place,
  tag: string,
  known: KnownTag | undefined,
  signal?: AbortSignal,
): Promise<TagLook> {
  let requests = 0;
  if (place.habits.heads !== false) {
    // Some servers refuse the method.
    const answer = await askManifest(place, "HEAD", tag, { signal, waits: false, expect: [400, 405, 501] });
    requests += 1;
    void answer.drain();
    const theirs = dateOf(answer);
    if (answer.status === 404) return { found: undefined, theirs, requests };
    const descriptor = answer.status === 200 ? describeHead(place, tag, answer) : undefined;
    place.habits.heads = descriptor !== undefined;
    if (descriptor !== undefined) return { found: { descriptor, etag: etagOf(answer) }, theirs, requests };
  }
  const headers: Record<string, string> = known?.etag === undefined ? {} : { "if-none-match": known.etag };
  const answer = await askManifest(place, "GET", tag, {
    signal,
    waits: false,
    headers,
    expect: known === undefined ? [] : [304],
  });
  requests += 1;
  const theirs = dateOf(answer);
  if (answer.status === 404) return { found: undefined, theirs, requests };
  if (answer.status === 304) {
    void answer.drain();
    return { found: known, theirs, requests };
  }
  const { mediaType, digest, bytes } = await receiveManifest(place, tag, answer);
  const descriptor = { mediaType, digest, size: bytes.byteLength };
  return { found: { descriptor, etag: etagOf(answer) }, theirs, requests };
}

function dateOf(answer: Answer): Instant | undefined {
  const said = Date.parse(answer.header("date") ?? "");
  return Number.isFinite(said) ? said : undefined;
}

/** RFC 9110, 8.8.3; what is none is not sent back. */
function etagOf(answer: Answer): string | undefined {
  const said = answer.header("etag");
  return said !== undefined && said.length <= maxEtag && /^(?:W\/)?"[\x21\x23-\x7e]*"$/.test(said) ? said : undefined;
}
