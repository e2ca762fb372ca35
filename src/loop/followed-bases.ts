import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { checkFollowRule, type FollowRule } from "../core/base/index.ts";
import type { BaseConfig, Config } from "../core/config/index.ts";
import { parsePlatform, parseReference, type Reference } from "../core/image/index.ts";
import type { SignaturePolicy } from "../core/signature/index.ts";
import { AppError, messageOf, type Digest } from "../lib/index.ts";
import type { FollowedBase } from "./followed-base.ts";
import { baseUpstream, type ImageSource } from "./sources.ts";

export class BaseError extends AppError<
  /** Nothing is known yet of an image that one of ours is made of. */
  | "BASE_UNKNOWN"
  /** What `bases:` says cannot be done: a rule that makes no sense, a key that cannot be read. */
  | "BAD_BASE"
> {}

/** What is known of what a base holds, by its name: for its end of life. */
export type BaseSystems = ReadonlyMap<string, NonNullable<FollowedBase["system"]>>;

/** Every base that the fleet is made of, each once, by name. Throws BAD_BASE. */
export async function followedBases(
  config: Config,
  home: string,
  sources: ReadonlyMap<string, ImageSource>,
  systems: BaseSystems,
): Promise<FollowedBase[]> {
  const platformsOf = new Map<string, Set<string>>();
  const note = (upstream: string, platforms: readonly string[]): void => {
    const known = platformsOf.get(upstream) ?? new Set();
    for (const platform of platforms) known.add(platform);
    platformsOf.set(upstream, known);
  };
  for (const { uses } of sources.values())
    for (const { key, own, platforms } of uses) if (own === undefined) note(key, platforms);
  for (const image of Object.values(config.images))
    if (image.recipe === "upstream") note(baseUpstream(image.from), image.platforms);
  const names = [...platformsOf.keys()].sort();
  return Promise.all(
    names.map(async (name): Promise<FollowedBase> => {
      const said = saidOf(config, name);
      const reference = parseReference(name);
      const signature = await signatureOf(said?.signature, name, home);
      const system = systems.get(name);
      return {
        name,
        registry: reference.registry,
        repository: reference.repository,
        rule: ruleOf(said?.follow, reference, name),
        platforms: [...(platformsOf.get(name) ?? [])].sort().map(parsePlatform),
        settleMs: said?.settle ?? defaultSettleMs,
        coolDownMs: coolDownOf(config, name),
        ...(signature === undefined ? {} : { signature }),
        ...(said?.provenance === undefined ? {} : { provenance: said.provenance }),
        ...(system === undefined ? {} : { system }),
      };
    }),
  );
}

/** Milliseconds that a new digest of a base waits after it was first seen; `name` is that of its upstream. */
export function coolDownOf(config: Config, name: string): number {
  return saidOf(config, name)?.coolDown ?? config.policies.coolDown;
}

const defaultSettleMs = 600_000;

/** What the configuration says of a base: of its very reference, else of its repository. */
function saidOf({ bases }: Config, name: string): BaseConfig | undefined {
  const { registry, repository } = parseReference(name);
  const said = Object.entries(bases);
  const exact = said.find(([written]) => hasVersion(written) && baseUpstream(written) === name);
  if (exact !== undefined) return exact[1];
  return said.find(([written]) => {
    const one = parseReference(written);
    return !hasVersion(written) && one.registry === registry && one.repository === repository;
  })?.[1];
}

function hasVersion(written: string): boolean {
  const { tag, digest } = parseReference(written);
  return tag !== undefined || digest !== undefined;
}

function ruleOf(follow: BaseConfig["follow"], reference: Reference, name: string): FollowRule {
  const rule = readRule(follow, reference);
  const wrong = checkFollowRule(rule);
  if (wrong !== undefined)
    throw new BaseError("BAD_BASE", `${name} cannot be followed: ${wrong}`, {
      hint: "Correct its `follow:` in `bases:`.",
    });
  return rule;
}

function readRule(follow: BaseConfig["follow"], { tag = "latest", digest }: Reference): FollowRule {
  if (follow === undefined) return digest === undefined ? { kind: "tag", tag } : { kind: "digest", digest, tag };
  if ("semver" in follow) {
    const { semver, suffix, prerelease } = follow;
    return { kind: "semver", range: semver, prerelease, ...(suffix === undefined ? {} : { suffix }) };
  }
  if ("like" in follow)
    return { kind: "distro", like: follow.like, ...(follow.series === undefined ? {} : { series: follow.series }) };
  if ("date" in follow) return { kind: "date", format: follow.date };
  if ("pattern" in follow) return { kind: "regex", pattern: follow.pattern, order: follow.order };
  if ("digest" in follow) return { kind: "digest", digest: follow.digest as Digest, tag: follow.tag };
  return { kind: "tag", tag: follow.tag };
}

async function signatureOf(
  said: BaseConfig["signature"],
  name: string,
  home: string,
): Promise<SignaturePolicy | undefined> {
  if (said === undefined) return undefined;
  const read = (path: string): Promise<string> =>
    readFile(resolve(home, path), "utf8").catch((error: unknown) => {
      throw new BaseError("BAD_BASE", `the signature of ${name} cannot be checked: ${messageOf(error)}`, {
        hint: "Paths of `signature:` are relative to the configuration.",
        cause: error,
      });
    });
  if ("key" in said) return { kind: "key", keys: [await read(said.key)] };
  return { ...said, kind: "identity", trustedRoot: await read(said.trustedRoot) };
}
