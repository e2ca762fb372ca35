import type { PackageRecord } from "../../core/packages/index.ts";
import type { KeyedCause, Rebuild } from "../../io/store/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { PatchedPackages } from "./attach-vex.ts";
import type { CandidateDetail, CandidateOrigin } from "../context.ts";

/** What of a rebuild decides about what is made; without an id it is made for nobody's record. */
export interface MakeOrder extends Pick<Rebuild, "image" | "recipeKey" | "detail" | "parentRebuilds"> {
  readonly id: string | null;
}

/** What a recipe is asked to make. */
export interface MakeRequest {
  readonly rebuild: MakeOrder;
  readonly causes: readonly KeyedCause[];
  /** What the image is now; undefined where it was never built. */
  readonly previous: Digest | undefined;
  readonly repository: Repository;
  readonly signal: AbortSignal;
}

/** Bases at the digests that the plan wrote down, by the names of their upstreams; what it does not name is what it is believed to be. */
export function plannedBases(value: unknown): ReadonlyMap<string, Digest> {
  const list = Array.isArray(value) ? (value as { readonly name: string; readonly digest: Digest }[]) : [];
  return new Map(list.map(({ name, digest }) => [name, digest]));
}

/** What a recipe made: whole in its repository under its digest, no tag names it yet. */
export interface Made extends Pick<CandidateDetail, "bytes" | "bytesUploaded" | "layers" | "warnings"> {
  readonly kind: "made";
  /** Of a patch: what it changed of its original. */
  readonly patched?: PatchedPackages;
  readonly digest: Digest;
  readonly origin: CandidateOrigin;
  /** The packages that it was assembled from, where Tidemill chose them. */
  readonly packages?: readonly PackageRecord[];
}

/** A recipe came to the content that the image has already, under `digest`: nothing was pushed. */
export interface MadeSame {
  readonly kind: "same";
  readonly digest: Digest;
  readonly origin: CandidateOrigin;
}
