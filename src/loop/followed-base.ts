import type { BaseDecision, FollowRule, Support } from "../core/base/index.ts";
import type { Platform } from "../core/image/index.ts";
import type { OsRelease } from "../core/inventory/index.ts";
import type { ProvenanceRule, SignaturePolicy } from "../core/signature/index.ts";
import { canonicalJson, sha256, type Digest, type Instant } from "../lib/index.ts";

/** A base that images of the fleet follow. */
export interface FollowedBase {
  /** Of the upstream; unique in the fleet. */
  readonly name: string;
  readonly registry: string;
  readonly repository: string;
  readonly rule: FollowRule;
  /** What the images on it are built for. */
  readonly platforms: readonly Platform[];
  /** Milliseconds for which it must stand still, and since we first saw it; see BasePolicy. */
  readonly settleMs: number;
  readonly coolDownMs: number;
  /** Who must have signed it. */
  readonly signature?: SignaturePolicy;
  /** Who must have built it, by provenance that whoever signs it signed. */
  readonly provenance?: ProvenanceRule;
  /** Digests that a person took. */
  readonly accepted?: readonly Digest[];
  /** What is known of what it holds, from the inventory of the digest that is believed: for its end of life. */
  readonly system?: { readonly os: OsRelease | undefined; readonly env: readonly string[] };
}

/** What a base is believed to be after a look. */
export interface BaseView {
  readonly name: string;
  /** What may be built on; undefined where nothing was ever believed. */
  readonly believed:
    | {
        readonly digest: Digest;
        readonly tag: string | undefined;
        readonly since: Instant;
        readonly previous: Digest | undefined;
      }
    | undefined;
  /** What it shows, where that is something else, and when we first saw that. */
  readonly shown: { readonly digest: Digest; readonly tag: string; readonly firstSeen: Instant } | undefined;
  /** `failing`: it could not be looked at, and what is believed is as old as the last look. */
  readonly state: BaseDecision["kind"] | "failing";
  /** Until when it waits, where that is known. */
  readonly until: Instant | undefined;
  /** What happened, as a sentence. */
  readonly message: string;
  /** The distribution first, then runtimes; empty where nothing is known of what it holds. */
  readonly support: readonly Support[];
}

/**
 * What is followed and who must have signed it, as text: another one is another base, whatever its name, and nothing of the old one is believed of it. A digest that a
 * person moved is the same base.
 */
export function followKey({ registry, repository, rule, signature, provenance }: FollowedBase): string {
  const followed = rule.kind === "digest" ? { kind: rule.kind, tag: rule.tag } : rule;
  const by = signature === undefined ? "" : ` by ${sha256(canonicalJson(signature))}`;
  const built = provenance === undefined ? "" : ` built by ${canonicalJson(provenance)}`;
  return `${registry}/${repository} ${canonicalJson(followed)}${by}${built}`;
}
