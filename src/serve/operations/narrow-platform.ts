import {
  formatPlatform,
  parseDocument,
  parsePlatform,
  samePlatform,
  type ImageSource,
} from "../../core/image/index.ts";
import type { Digest } from "../../lib/index.ts";
import { OperationError } from "../../operation/index.ts";

/** What is to be asked for, and the digest of what the reference itself names where that is another. */
export interface Narrowed {
  readonly read: string;
  readonly digest: Digest | undefined;
}

/** What is to be read for one platform: its own manifest, so that those of the others stay where they are. Throws NOT_FOUND where the image does not have it. */
export async function narrowPlatform(
  source: ImageSource,
  reference: string,
  platform: string | undefined,
  signal?: AbortSignal,
): Promise<Narrowed> {
  if (platform === undefined) return { read: reference, digest: undefined };
  const raw = await source.manifest(reference, signal);
  // The reader says what is to be said where there is none.
  if (raw === undefined) return { read: reference, digest: undefined };
  const document = parseDocument(raw);
  if (document.kind === "manifest") return { read: raw.digest, digest: raw.digest };
  const wanted = parsePlatform(platform);
  const there = document.index.manifests.flatMap((one) =>
    one.platform === undefined ? [] : [{ ...one, platform: one.platform }],
  );
  const match = there.find((one) => samePlatform(one.platform, wanted));
  if (match === undefined)
    throw noPlatform(
      source.name,
      platform,
      there.map((one) => formatPlatform(one.platform)),
    );
  return { read: match.digest, digest: raw.digest };
}

/** Throws NOT_FOUND where `platform` was asked for and is not among those that were found. */
export function requirePlatform(image: string, platform: string | undefined, found: readonly string[]): void {
  if (platform === undefined) return;
  const wanted = parsePlatform(platform);
  const isThere = found.some((one) => samePlatform(parsePlatform(one), wanted));
  if (!isThere) throw noPlatform(image, platform, found);
}

function noPlatform(image: string, platform: string, there: readonly string[]): OperationError {
  const named = there.filter((one) => one !== "unknown/unknown").slice(0, 20);
  return new OperationError("NOT_FOUND", `${image} has no ${platform}`, {
    hint: `It has ${named.join(", ") || "no platform at all"}.`,
  });
}
