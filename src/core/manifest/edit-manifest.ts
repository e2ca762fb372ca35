import { formatBytes, printable, type Digest } from "../../lib/index.ts";
import { createLocate, ManifestError, type Locate } from "./error.ts";
import { findEnvSlots } from "./find-env-slots.ts";
import { findYamlSlots } from "./find-yaml-slots.ts";
import { spellingsOf } from "./read-text.ts";
import type { ManifestFile, ManifestImage, ManifestPlace, Slot } from "./types.ts";

/** The largest file that is read. */
const mostManifestBytes = 4_194_304;

/** Where a file names an image. Throws UNSURE where it cannot be told what a change would do, UNREADABLE, TOO_LARGE; each names line and column. */
export function findManifestPlaces(file: ManifestFile, wanted: ManifestImage): ManifestPlace[] {
  const { slots, locate } = findSlots(file, wanted);
  return slots.map(({ start, digest }) => ({ ...locate(start), digest }));
}

/** The file with `digest` at every place that names the image: no other byte is changed. Throws what `findManifestPlaces` throws. */
export function editManifest(file: ManifestFile, wanted: ManifestImage, digest: Digest): Uint8Array {
  const { text, slots } = findSlots(file, wanted);
  const parts: Uint8Array[] = [];
  let from = 0;
  let at = 0;
  for (const { start, end, before, digest: found } of slots) {
    if (found === digest) continue;
    const first = at + Buffer.byteLength(text.slice(from, start));
    parts.push(file.bytes.subarray(at, first), Buffer.from(`${before}${digest}`));
    at = first + Buffer.byteLength(text.slice(start, end));
    from = end;
  }
  const bytes = Buffer.concat([...parts, file.bytes.subarray(at)]);
  // It is read again as whoever uses it will: a change that did not do what it was to is none.
  const places = findManifestPlaces({ path: file.path, bytes }, wanted);
  if (places.length === slots.length && places.every((place) => place.digest === digest)) return bytes;
  throw new ManifestError("UNSURE", `${printable(file.path)}: it reads otherwise after the change`, {
    hint: `Mark the places of ${wanted.image} with \`# tidemill: ${wanted.image}\`.`,
  });
}

function findSlots(
  { path, bytes }: ManifestFile,
  wanted: ManifestImage,
): { readonly text: string; readonly slots: readonly Slot[]; readonly locate: Locate } {
  if (bytes.length > mostManifestBytes)
    throw new ManifestError("TOO_LARGE", `${printable(path)}: it is larger than ${formatBytes(mostManifestBytes)}`, {
      hint: "Split the file, or leave it out of `files:`.",
    });
  const text = decode(path, bytes);
  const locate = createLocate(text);
  // Files of other things are not read: what is wrong with them is none of ours.
  if (!/#\s*tidemill:/.test(text) && !spellingsOf(wanted.repository).some((name) => text.includes(lastOf(name))))
    return { text, slots: [], locate };
  const isEnv = /(?:^|\/)(?:\.env(?:\.[^/]*)?|[^/]*\.env)$/.test(path);
  const find = isEnv ? findEnvSlots : findYamlSlots;
  const slots = [...find(path, text, wanted, locate)].sort((a, b) => a.start - b.start);
  return { text, slots, locate };
}

/** The registry may stand apart from the repository. */
function lastOf(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new ManifestError("UNREADABLE", `${printable(path)}: it is not UTF-8`, {
      cause,
      hint: "Save it as UTF-8, or leave it out of `files:`.",
    });
  }
}
