import { isDigest, type Digest } from "../../lib/index.ts";
import { ImageError } from "./error.ts";

/** A name of something in a registry: `registry/repository[:tag][@digest]`. */
export interface Reference {
  /** Host and port as written: `docker.io`, `localhost:5000`, `[::1]:5000`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const component = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*";
const repositoryShape = new RegExp(`^${component}(?:/${component})*$`);
const tagShape = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const hostShape =
  /^(?:\[[0-9a-fA-F:]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::[0-9]{1,5})?$/;
const dockerHub = "docker.io";

/** Whether `text` may be a repository's name. distribution-spec 1.1, Pulling manifests; 255 bytes at most. */
export function isRepositoryName(text: string): boolean {
  return text.length <= 255 && repositoryShape.test(text);
}

/** Whether `text` may be a tag. distribution-spec 1.1, Pulling manifests. */
export function isTag(text: string): boolean {
  return tagShape.test(text);
}

/**
 * The parts of `host[:port]/repository[:tag][@digest]`, by Docker's rules: a first part without dot, colon or `localhost`
 * belongs to the repository on docker.io, where a bare name is in `library/`. Throws BAD_REFERENCE.
 */
export function parseReference(text: string): Reference {
  if (text.length > 700) throw refuse(text, "it is longer than 700 characters");
  const [named, digest] = splitDigest(text);
  const [path, tag] = splitTag(named);
  const [host, rest] = splitHost(path);
  const registry = host === "index.docker.io" || host === "registry-1.docker.io" ? dockerHub : host;
  const repository = registry === dockerHub && !rest.includes("/") ? `library/${rest}` : rest;
  if (registry.length > 255 || !hostShape.test(registry) || Number(/:(\d+)$/.exec(registry)?.[1] ?? 1) > 65_535) {
    throw refuse(text, `"${registry.slice(0, 100)}" is not a host`);
  }
  if (!isRepositoryName(repository)) throw refuse(text, `"${repository.slice(0, 100)}" is not a repository's name`);
  if (tag !== undefined && !isTag(tag)) throw refuse(text, `"${tag.slice(0, 140)}" is not a tag`);
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The reference as text; what parseReference takes gives the same parts again. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${reference.registry}/${reference.repository}${tag}${digest}`;
}

/** Whether two references are of one repository: `web` and `docker.io/library/web` are. What is no reference is of none. */
export function isOfRepository(image: string, repository: string): boolean {
  try {
    const [one, other] = [parseReference(image), parseReference(repository)];
    return one.registry === other.registry && one.repository === other.repository;
  } catch {
    return false;
  }
}

/** What to ask the repository for: the digest where there is one, else the tag, else `latest`. */
export function referenceTarget(reference: Reference): string {
  return reference.digest ?? reference.tag ?? "latest";
}

function splitDigest(text: string): [string, Digest | undefined] {
  const at = text.indexOf("@");
  if (at < 0) return [text, undefined];
  const digest = text.slice(at + 1);
  if (!isDigest(digest)) throw refuse(text, `"${digest.slice(0, 140)}" is not a sha256 or sha512 digest`);
  return [text.slice(0, at), digest];
}

function splitTag(named: string): [string, string | undefined] {
  const colon = named.lastIndexOf(":");
  return colon > named.lastIndexOf("/") ? [named.slice(0, colon), named.slice(colon + 1)] : [named, undefined];
}

function splitHost(path: string): [string, string] {
  const slash = path.indexOf("/");
  const first = path.slice(0, Math.max(slash, 0));
  const isHost = /[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase();
  return slash > 0 && isHost ? [first, path.slice(slash + 1)] : [dockerHub, path];
}

function refuse(text: string, why: string): ImageError {
  return new ImageError("BAD_REFERENCE", `"${text.slice(0, 200)}" does not name an image: ${why}`, {
    hint: "Write host/repository:tag or host/repository@sha256:…, in lower case.",
  });
}
