import { createHash } from "node:crypto";
import { z } from "zod";
import { printable, tryShape } from "../../lib/index.ts";
import type { Workload, WorkloadContainer } from "./kubernetes-workload.ts";
import type { DeployRequest, Place } from "./types.ts";

/** What an attempt leaves at a workload. */
const mark = z.looseObject({
  deployment: z.string(),
  image: z.string(),
  attempt: z.string(),
  fence: z.number(),
  digest: z.string(),
  /** What the containers named before the first of our attempts. */
  before: z.record(z.string(), z.string()),
});
export type Mark = z.output<typeof mark>;

/** A workload with the containers that run an image. */
export interface Found extends Workload {
  readonly ours: readonly WorkloadContainer[];
  readonly mark: Mark | undefined;
}

/** Why a worker of a fence is late, as a sentence. */
export function laterThan({ mark: own, title }: Found, { fence }: DeployRequest): string | undefined {
  if (own === undefined || own.fence <= fence) return undefined;
  return `${title} was changed by a later worker: its fence is ${own.fence}, ours ${fence}`;
}

/** A name that an annotation may have, of one place (at most 63 characters). */
function annotationOf({ deployment, image }: Place): string {
  return `tidemill.dev/place-${createHash("sha256")
    .update(JSON.stringify([deployment, image]))
    .digest("hex")
    .slice(0, 16)}`;
}

/** The mark that an attempt at a place left; undefined where none is, or none that can be read. */
export function readMark({ annotations }: Workload, place: Place): Mark | undefined {
  let value: unknown;
  try {
    value = JSON.parse(annotations[annotationOf(place)] ?? "null");
  } catch {
    return undefined;
  }
  const shaped = tryShape(mark, value);
  return shaped.success && shaped.data.deployment === place.deployment && shaped.data.image === place.image
    ? shaped.data
    : undefined;
}

/** A strategic merge patch of what was read: with another resourceVersion, or another object of that name, the server answers 409. */
export function patchOf(
  found: Found,
  { deployment, image, id, fence, digest, reason }: DeployRequest,
  images: readonly { readonly container: WorkloadContainer; readonly image: string }[],
): unknown {
  const before = { ...Object.fromEntries(found.ours.map((one) => [one.name, one.image])), ...found.mark?.before };
  const own: Mark = { deployment, image, attempt: id, fence, digest, before };
  const pod: Partial<Record<WorkloadContainer["list"], { name: string; image: string }[]>> = {};
  for (const { container, image: to } of images) (pod[container.list] ??= []).push({ name: container.name, image: to });
  const template = { template: { spec: pod } };
  const spec = found.kind === "cronjob" ? { jobTemplate: { spec: template } } : template;
  const cause = { "kubernetes.io/change-cause": printable(`tidemill: ${image}: ${reason}`).slice(0, 1000) };
  return {
    metadata: {
      uid: found.uid,
      resourceVersion: found.resourceVersion,
      annotations: { [annotationOf({ deployment, image, environment: "" })]: JSON.stringify(own), ...cause },
    },
    ...(images.length === 0 ? {} : { spec }),
  };
}
