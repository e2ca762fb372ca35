import { selectTag, type BaseSight, type SignatureSight } from "../../core/base/index.ts";
import { configLimit, parseConfig, parseDocument, type Platform, type RawManifest } from "../../core/image/index.ts";
import { RegistryError, type RegistryClient, type Repository, type TagAsker } from "../../io/registry/index.ts";
import { checkProvenance, checkSignature } from "../../io/sign/index.ts";
import { AppError, collectBytes, type Clock, type Digest } from "../../lib/index.ts";
import type { KeptSight } from "./base-memory.ts";
import type { FollowedBase } from "../followed-base.ts";

export class BaseError extends AppError<
  /** The rule cannot be followed, or not on the tags that there are. */
  "BAD_RULE"
> {}

/** How bases are looked at. */
export interface BaseSources {
  readonly registries: RegistryClient;
  readonly asker: TagAsker;
  readonly clock: Clock;
}

/** A look, with why this tag was chosen. */
export interface BaseLook {
  readonly sight: BaseSight;
  readonly reason: string;
}

/**
 * What a base shows now: one request for its tag, and more only while it shows something else than what is `believed`. Its signature is looked for at every look, for it
 * may come after the image. Throws BAD_RULE, and what the registry throws.
 */
export async function lookAtBase(
  base: FollowedBase,
  believed: Digest | undefined,
  loadSights: () => Promise<ReadonlyMap<Digest, KeptSight>>,
  sources: BaseSources,
  signal: AbortSignal,
): Promise<BaseLook> {
  const selection = await select(base, sources, signal);
  if (selection.kind === "refused")
    throw new BaseError("BAD_RULE", `${base.name}: ${selection.reason}`, { hint: "Correct its `follow:` rule." });
  if (selection.kind === "none") return { sight: { kind: "gone", reason: selection.reason }, reason: selection.reason };
  const { tag, reason } = selection;
  const { registry, repository } = base;
  const { descriptor, theirs } = await sources.asker.ask({ registry, repository, tag }, signal);
  if (descriptor === undefined) {
    const gone = `${registry}/${repository} has no ${tag}`;
    return { sight: { kind: "gone", reason: gone }, reason: gone };
  }
  const { digest } = descriptor;
  const sight = { kind: "found", tag, digest, theirs } as const;
  if (digest === believed)
    return { sight: { ...sight, platforms: undefined, signature: { kind: "not-asked" } }, reason };
  const place = sources.registries.repository({ registry, repository });
  const kept = (await loadSights()).get(digest);
  const platforms = kept?.platforms ?? (await readPlatforms(place, digest, sources.asker, signal));
  const signature = await readSignature(base, place, digest, sources.asker, signal);
  return { sight: { ...sight, platforms, signature }, reason };
}

async function select(
  { registry, repository, rule }: FollowedBase,
  { asker, clock }: BaseSources,
  signal: AbortSignal,
) {
  const needsTags = rule.kind !== "tag" && rule.kind !== "digest";
  const tags = needsTags ? await asker.tags({ registry, repository }, signal) : [];
  return selectTag(rule, tags, clock.now());
}

/** The platforms of an index; of a single image the one that its config names. What is no image of a system, as an attestation, has none. */
async function readPlatforms(
  place: Repository,
  digest: Digest,
  asker: TagAsker,
  signal: AbortSignal,
): Promise<readonly Platform[]> {
  asker.spend(place.registry);
  const raw = await place.manifest(digest, signal);
  if (raw === undefined) {
    throw new RegistryError("NOT_FOUND", `${place.name}: its tag names ${digest}, which is not there`, {
      retry: true,
      hint: "It may still be on its way. It is asked again by itself.",
    });
  }
  return platformsOf(raw, place, asker, signal);
}

async function platformsOf(
  raw: RawManifest,
  place: Repository,
  asker: TagAsker,
  signal: AbortSignal,
): Promise<readonly Platform[]> {
  const document = parseDocument(raw);
  if (document.kind === "index")
    return document.index.manifests.flatMap(({ platform }) =>
      platform === undefined || platform.os === "unknown" ? [] : [platform],
    );
  asker.spend(place.registry);
  const { config } = document.manifest;
  const { os, architecture, variant } = parseConfig(
    await collectBytes(place.blob(config, signal), configLimit, `the config of ${digestName(place, raw)}`),
  );
  return [{ os, architecture, ...(variant === undefined ? {} : { variant }) }];
}

function digestName(place: Repository, { digest }: RawManifest): string {
  return `${place.name}@${digest}`;
}

async function readSignature(
  { signature: policy, provenance }: FollowedBase,
  place: Repository,
  digest: Digest,
  asker: TagAsker,
  signal: AbortSignal,
): Promise<SignatureSight> {
  if (policy === undefined) return { kind: "not-asked" };
  // The list of referrers, and the tag.
  asker.spend(place.registry);
  asker.spend(place.registry);
  const signed = await checkSignature(place, digest, policy, signal);
  if (signed.kind === "refused" || provenance === undefined) return signed;
  asker.spend(place.registry);
  asker.spend(place.registry);
  return checkProvenance(place, digest, policy, provenance, signal);
}
