import type { KeyedCause, Rebuild } from "../../io/store/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import type { Digest } from "../../lib/index.ts";
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

/** What a recipe made: whole in its repository under its digest, no tag names it yet. */
export interface Made extends Pick<CandidateDetail, "bytes" | "bytesUploaded" | "layers" | "warnings"> {
  readonly kind: "made";
  readonly digest: Digest;
  readonly origin: CandidateOrigin;
}

/** A recipe came to the content that the image has already, under `digest`: nothing was pushed. */
export interface MadeSame {
  readonly kind: "same";
  readonly digest: Digest;
  readonly origin: CandidateOrigin;
}
