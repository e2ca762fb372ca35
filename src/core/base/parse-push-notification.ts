import { z } from "zod";
import { parseReference, type Reference } from "../image/index.ts";
import { AppError, tryShape, type Shaped } from "../../lib/index.ts";

/** What a registry's notification is about: nothing that it says is believed, it only makes the next look come sooner. */
export type PushNotification =
  /** At least one; each once. One without a tag may be about any tag of its repository. */
  | { readonly kind: "pushed"; readonly format: PushFormat; readonly references: readonly Reference[] }
  /** A form that we know, about something else than a push: a pull, a deletion, a ping, a package that is no image. */
  | { readonly kind: "other"; readonly format: PushFormat }
  | { readonly kind: "unknown"; readonly reason: string };

export type PushFormat = "distribution" | "docker-hub" | "harbor" | "github" | "quay" | "generic";

const maxEvents = 1000;
const maxReferences = 100;

const text = z.string().min(1).max(700);
const tag = z.string().max(128);

/** distribution, Notifications. Events about blobs name no manifest. */
const distribution = z.object({
  events: z
    .array(
      z.object({
        action: z.string().max(100),
        target: z.object({ repository: text, tag: tag.optional(), mediaType: z.string().max(300).optional() }),
        request: z.object({ host: text }).optional(),
      }),
    )
    .max(maxEvents),
});

const dockerHub = z.object({
  push_data: z.object({ tag: tag.nullish() }),
  repository: z.object({ repo_name: text }),
});

/** Its own form, and CloudEvents. */
const resources = z.object({ resources: z.array(z.object({ resource_url: text })).max(maxEvents) });
const harbor = z.union([
  z
    .object({ type: z.string().max(100), event_data: resources })
    .transform((one) => ({ type: one.type, ...one.event_data })),
  z
    .object({ type: z.string().max(100).startsWith("harbor."), specversion: z.string().max(20), data: resources })
    .transform((one) => ({ type: one.type, ...one.data })),
]);

const githubPackage = z.object({
  name: text,
  namespace: text.optional(),
  package_type: z.string().max(50),
  owner: z.object({ login: text }).optional(),
  package_version: z
    .object({ container_metadata: z.object({ tag: z.object({ name: tag.nullish() }).nullish() }).nullish() })
    .nullish(),
});
const github = z.union([
  z
    .object({ action: z.string().max(50), registry_package: githubPackage })
    .transform((one) => ({ action: one.action, package: one.registry_package })),
  z.object({ action: z.string().max(50), package: githubPackage }),
]);

const quay = z.object({ docker_url: text, updated_tags: z.array(tag).max(maxEvents) });

const generic = z.union([
  z.object({ image: text }).transform((one) => [one.image]),
  z.object({ images: z.array(text).max(maxReferences) }).transform((one) => one.images),
]);

interface Found {
  readonly format: PushFormat;
  /** References as text; none where it is about something else. */
  readonly names: readonly string[];
}

/** Each form, tried in this order: the ones that are more particular come first. */
const readers: readonly ((body: unknown) => Found | undefined)[] = [
  (body) => found("distribution", tryShape(distribution, body), ({ events }) => events.flatMap(fromDistribution)),
  (body) => found("docker-hub", tryShape(dockerHub, body), fromDockerHub),
  (body) => found("harbor", tryShape(harbor, body), fromHarbor),
  (body) => found("github", tryShape(github, body), fromGithub),
  (body) =>
    found("quay", tryShape(quay, body), ({ docker_url, updated_tags }) =>
      updated_tags.length === 0 ? [docker_url] : updated_tags.map((each) => `${docker_url}:${each}`),
    ),
  (body) => found("generic", tryShape(generic, body), (images) => images),
];

/**
 * The images that a registry says were pushed, from the body of its webhook (parsed JSON): of Distribution, Docker Hub, Harbor, GitHub's packages, Quay, or
 * `{ "image": "host/name:tag" }`. Names that are none are passed over. Never throws.
 */
export function parsePushNotification(body: unknown): PushNotification {
  for (const read of readers) {
    const notification = read(body);
    if (notification === undefined) continue;
    const { format, names } = notification;
    const references = distinct(names);
    if (references.length > 0) return { kind: "pushed", format, references };
    return names.length === 0 ? { kind: "other", format } : { kind: "unknown", reason: "what it names are no images" };
  }
  return { kind: "unknown", reason: "it has the form of no registry's notification" };
}

function found<T>(format: PushFormat, parsed: Shaped<T>, namesOf: (data: T) => readonly string[]): Found | undefined {
  return parsed.success ? { format, names: namesOf(parsed.data) } : undefined;
}

function fromDistribution(event: z.output<typeof distribution>["events"][number]): string[] {
  const { action, target, request } = event;
  const isManifest = target.mediaType === undefined || /manifest|image\.index/.test(target.mediaType);
  if (action !== "push" || !isManifest || request === undefined) return [];
  return [withTag(`${request.host}/${target.repository}`, target.tag)];
}

function fromDockerHub({ push_data, repository }: z.output<typeof dockerHub>): string[] {
  return [withTag(`docker.io/${repository.repo_name}`, push_data.tag ?? undefined)];
}

function fromHarbor({ type, resources: pushed }: z.output<typeof harbor>): string[] {
  const isPush = type === "PUSH_ARTIFACT" || type === "pushImage" || type === "harbor.artifact.pushed";
  return isPush ? pushed.map(({ resource_url }) => resource_url) : [];
}

function fromGithub({ action, package: pushed }: z.output<typeof github>): string[] {
  const owner = pushed.namespace ?? pushed.owner?.login;
  const isPush = action === "published" || action === "updated";
  if (!isPush || pushed.package_type.toLowerCase() !== "container" || owner === undefined) return [];
  const name = pushed.package_version?.container_metadata?.tag?.name ?? undefined;
  // Names of accounts have capitals; those of repositories have none.
  return [withTag(`ghcr.io/${owner}/${pushed.name}`.toLowerCase(), name)];
}

function withTag(name: string, pushed: string | undefined): string {
  return pushed === undefined || pushed === "" ? name : `${name}:${pushed}`;
}

function distinct(names: readonly string[]): Reference[] {
  const references = new Map<string, Reference>();
  for (const name of names) {
    if (references.size >= maxReferences) break;
    const reference = readReference(name);
    if (reference !== undefined) references.set(JSON.stringify(reference), reference);
  }
  return [...references.values()];
}

function readReference(name: string): Reference | undefined {
  try {
    return parseReference(name);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
