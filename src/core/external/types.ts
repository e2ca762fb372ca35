import type { Digest, Instant } from "../../lib/index.ts";

/** What a pipeline is asked to build, as it is told. */
export interface RunOrder {
  readonly rebuild: string;
  /** What the run is found by, and the tag that it may push: unique to one attempt. */
  readonly name: string;
  readonly image: string;
  /** What it is to push to, without tag. */
  readonly repository: string;
  readonly platforms: readonly string[];
  /** Why, in words. */
  readonly reason: string;
  readonly causes: readonly Readonly<Record<string, unknown>>[];
  /** What it is to be made of, by the names that the recipe gives them. */
  readonly bases: Readonly<Record<string, Digest>>;
  /** The commit, or the digest of the build context, that was seen last. */
  readonly source: string | undefined;
  /** A build with caches did not bring what it was to bring. */
  readonly noCache: boolean;
  readonly callback: { readonly url: string; readonly token: string } | undefined;
}

/** A run, as its pipeline names it. */
export interface RunPlace {
  /** What its API calls it; undefined where it did not say. */
  readonly run: string | undefined;
  /** For people. */
  readonly url: string | undefined;
}

/** Nothing could be learned now: `afterMs` is how long it wants to be left alone. */
export interface RunLater {
  readonly kind: "later";
  readonly reason: string;
  readonly afterMs: number | undefined;
}

/** `later`: it may have been begun all the same, unless nobody answered at all. `refused`: it was not begun, and will not be. */
export type StartedRun =
  | ({ readonly kind: "started"; readonly digest?: Digest } & RunPlace)
  | RunLater
  | { readonly kind: "refused"; readonly reason: string; readonly hint: string | undefined };

/** `hidden`: its API shows this caller no runs. */
export type FoundRun =
  ({ readonly kind: "found" } & RunPlace) | { readonly kind: "none" } | { readonly kind: "hidden" } | RunLater;

export type RunView =
  | { readonly kind: "running" | "succeeded"; readonly url: string | undefined }
  | { readonly kind: "failed"; readonly url: string | undefined; readonly reason: string }
  | { readonly kind: "given"; readonly digest: Digest }
  | { readonly kind: "hidden" }
  | RunLater;

/** `over`: it runs no more, or never did. */
export type CancelledRun = { readonly kind: "cancelled" | "over" | "hidden" } | RunLater;

/** Whether it would do what it is asked; `unknown` where that cannot be found out without asking. */
export interface PipelineHealth {
  readonly kind: "well" | "wrong" | "unknown";
  readonly message: string;
  readonly hint: string | undefined;
}

/** The pipeline that builds an image. Only an abort throws. */
export interface ExternalPipeline {
  /** Asks for a run. */
  start(order: RunOrder, signal: AbortSignal): Promise<StartedRun>;
  /** The run of a name that was asked for at `since` or later. */
  find(name: string, since: Instant, signal: AbortSignal): Promise<FoundRun>;
  look(place: RunPlace, name: string, signal: AbortSignal): Promise<RunView>;
  cancel(place: RunPlace, signal: AbortSignal): Promise<CancelledRun>;
  check(signal: AbortSignal): Promise<PipelineHealth>;
}
