import { z } from "zod";
import { printable, tryShape, type Digest } from "../../lib/index.ts";
import type { Found } from "./kubernetes-mark.ts";
import { digestOf, type WorkloadContainer } from "./kubernetes-workload.ts";
import type { Overruled, PlaceMemory } from "./types.ts";

const text = z.string().max(10_000);
const images = z.record(text, text);
const one = z.object({
  uid: text,
  /** What its containers named when a change of ours was last known to be in. */
  put: images,
  /** What was about to be put there, and into which generation. */
  intent: z.object({ images, generation: z.number() }).optional(),
});
const brought = z.record(text, one);

/**
 * What we put into each workload of a place, by its path. Annotations cannot tell it: `kubectl rollout undo` puts those of the old ReplicaSet back with its template, and then the workload looks as if our attempt had never begun.
 */
export type Brought = Readonly<Record<string, z.output<typeof one>>>;

/** What is kept of a place; nothing where it cannot be read. */
export async function loadBrought(memory: PlaceMemory): Promise<Brought> {
  const shaped = tryShape(brought, await memory.load());
  return shaped.success ? shaped.data : {};
}

/** Keeps what is about to be put into a workload: before the effect, so that whoever follows after a crash knows that it may have happened. */
export async function saveBroughtIntent(
  memory: PlaceMemory,
  found: Found,
  changes: readonly { readonly container: WorkloadContainer; readonly image: string }[],
): Promise<void> {
  const known = await loadBrought(memory);
  const put = knownOf(known, found)?.put ?? imagesOf(found);
  const to = Object.fromEntries(changes.map(({ container, image }) => [container.name, image]));
  await memory.save({
    ...known,
    [found.path]: { uid: found.uid, put, intent: { images: to, generation: found.generation } },
  });
}

/** Keeps that a workload is as we want it. */
export async function saveBrought(
  memory: PlaceMemory,
  found: Found,
  changes: readonly { readonly container: WorkloadContainer; readonly image: string }[],
): Promise<void> {
  const known = await loadBrought(memory);
  const put = { ...imagesOf(found) };
  for (const { container, image } of changes) put[container.name] = image;
  const own = knownOf(known, found);
  if (own?.intent === undefined && JSON.stringify(own?.put) === JSON.stringify(put)) return;
  await memory.save({ ...known, [found.path]: { uid: found.uid, put } });
}

/**
 * Whose hand it was that a container names what it does: `ours`, `theirs`, or `unknown` where we never put anything there.
 * Where we were about to, and may have been killed before we knew whether it was done, a workload that is of a later
 * generation and does not name what we put may have been taken back: a person is given the benefit of that doubt.
 */
export function whoseImage(
  known: Brought,
  found: Found,
  { name, image }: WorkloadContainer,
): "ours" | "theirs" | "unknown" {
  const own = knownOf(known, found);
  const put = own?.put[name];
  if (own === undefined || put === undefined) return "unknown";
  const intended = own.intent?.images[name];
  if (intended !== undefined && image === intended) return "ours";
  if (own.intent !== undefined && intended !== undefined && found.generation !== own.intent.generation) return "theirs";
  return image === put ? "ours" : "theirs";
}

/** The first container that a person changed since we did, unless it names `wanted` already. */
export function findTheirs(known: Brought, found: Found, wanted: Digest): Overruled | undefined {
  for (const container of found.ours) {
    const digest = digestOf(container.image);
    if (digest === wanted || whoseImage(known, found, container) !== "theirs") continue;
    const at = `${found.title}: ${printable(container.name)} names ${printable(container.image).slice(0, 300)}`;
    return { kind: "overruled", found: digest, reason: `${at}: somebody took out what we had brought` };
  }
  return undefined;
}

function knownOf(known: Brought, { path, uid }: Found): Brought[string] | undefined {
  const own = known[path];
  // Another workload of that name is not the one that we changed.
  return own?.uid === uid ? own : undefined;
}

function imagesOf({ ours }: Found): Record<string, string> {
  return Object.fromEntries(ours.map(({ name, image }) => [name, image]));
}
