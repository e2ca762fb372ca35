import { isDigest, type Digest, type Instant } from "../../lib/index.ts";
import type { Cause, Lane } from "../plan/index.ts";
import { digestSet } from "./statement.ts";

/** Something that an image was made of. */
export interface Material {
  /** purl, or another URI that names it. */
  readonly uri: string;
  readonly digest: Readonly<Record<string, string>>;
  readonly name?: string;
}

/** How a digest came to be, as the control plane put it down. */
export interface ProvenanceFacts {
  readonly image: string;
  /** The recipe and its parameters, by the configuration. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Of the recipe with all that it names: what changes it changes the image. */
  readonly recipeKey: string;
  readonly remedy: string;
  readonly why: string;
  readonly rebuild: string;
  readonly lane: Lane;
  readonly causes: readonly { readonly key: string; readonly cause: Cause }[];
  readonly materials: readonly Material[];
  /** Packages whose file's digest is not known: they came with a build that fetched them itself. */
  readonly unknown: readonly string[];
  readonly builder: { readonly id: string; readonly version: string };
  /** Who built it where Tidemill did not, and the address of the run; both undefined where nobody knows. */
  readonly elsewhere?: { readonly builder: string | undefined; readonly run: string | undefined };
  readonly queuedAt: Instant;
  /** Undefined where it was made before the rebuild that brings it was asked for. */
  readonly madeAt: Instant | undefined;
}

const mostUnknown = 1000;
/** Of what was there before Tidemill began. */
const unknownBuilder = "urn:tidemill:unknown-builder";

/** A predicate of SLSA 1.0's provenance. Materials stand in an order of their own, each once. SLSA, provenance/v1. */
export function formatProvenance(facts: ProvenanceFacts) {
  const { image, parameters, builder, elsewhere, queuedAt, madeAt } = facts;
  const { recipe } = parameters;
  const materials = new Map(facts.materials.map((one) => [`${one.uri} ${JSON.stringify(one.digest)}`, one] as const));
  return {
    buildDefinition: {
      buildType: `${builder.id}/recipe/${typeof recipe === "string" ? recipe : "unknown"}/v1`,
      externalParameters: { image, ...parameters },
      internalParameters: {
        recipeKey: facts.recipeKey,
        remedy: facts.remedy,
        reason: facts.why,
        lane: facts.lane,
        causes: facts.causes.map(({ key, cause }) => ({ key, ...describeCause(cause) })),
        packagesWithoutDigest: facts.unknown.slice(0, mostUnknown),
        ...(elsewhere === undefined ? {} : { builtByTidemill: false, rebuild: facts.rebuild, askedBy: builder.id }),
      },
      resolvedDependencies: [...materials].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one),
    },
    runDetails: {
      // What another built is not ours to sign as built by us.
      builder:
        elsewhere === undefined
          ? { id: builder.id, version: { tidemill: builder.version } }
          : { id: elsewhere.builder ?? unknownBuilder },
      metadata: {
        invocationId:
          elsewhere === undefined ? `urn:uuid:${facts.rebuild}` : (elsewhere.run ?? `urn:uuid:${facts.rebuild}`),
        startedOn: time(queuedAt),
        ...(madeAt === undefined ? {} : { finishedOn: time(madeAt) }),
      },
    },
  };
}

/** A cause with its moments as RFC 3339 has them. */
function describeCause(cause: Cause): Readonly<Record<string, unknown>> {
  const moments = new Set(["firstSeen", "at"]);
  return Object.fromEntries(
    Object.entries(cause).map(([name, value]: [string, unknown]) => [
      name,
      moments.has(name) && typeof value === "number" ? time(value) : value,
    ]),
  );
}

/** What a base or an own image is as a material. purl-spec, types: oci. */
export function imageMaterial(name: string, digest: Digest): Material {
  const path = name.replace(/[@].*$/, "").replace(/:[^/:]*$/, "");
  const last = path.slice(path.lastIndexOf("/") + 1).toLowerCase();
  const place = path.includes("/") ? `?repository_url=${encodeURIComponent(path.toLowerCase())}` : "";
  return {
    uri: `pkg:oci/${encodeURIComponent(last)}@${digest.replace(":", "%3A")}${place}`,
    digest: digestSet(digest),
    name,
  };
}

/** Where a build got what it was built from: a commit, or the digest of a build context; undefined for what is neither. */
export function sourceMaterial(
  source: string,
  git: { readonly url: string; readonly ref: string } | undefined,
): Material | undefined {
  if (git !== undefined && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(source))
    return { uri: `git+${git.url}@${git.ref}`, digest: { gitCommit: source }, name: "source" };
  if (isDigest(source)) return { uri: "urn:tidemill:context", digest: digestSet(source), name: "source" };
  return undefined;
}

export function time(at: Instant): string {
  return new Date(at).toISOString();
}
