import type { GitopsConfig } from "../../core/config/index.ts";
import type { Observed } from "../../core/deploy/index.ts";
import type { Clock, Digest } from "../../lib/index.ts";

/** One image at one place: what a target is asked about. */
export interface Place {
  /** The deployment, as the configuration calls it. */
  readonly deployment: string;
  readonly image: string;
  readonly environment: string;
}

/** What a running system is to use, and on whose word. */
export interface DeployRequest extends Place {
  /** Of the attempt: the same however often it is tried. What a target can tell apart by it is done once. */
  readonly id: string;
  /** Grows with everyone who works at the place: a target that has seen a higher one changes nothing. */
  readonly fence: number;
  readonly digest: Digest;
  /** Where the image can be pulled from: `registry.example/web@sha256:…`. */
  readonly reference: string;
  /** What was confirmed there before, and where that can be pulled from; undefined for the first. */
  readonly previous: { readonly digest: Digest; readonly reference: string } | undefined;
  /** Whether the environment went forward to it, or back. */
  readonly kind: "forward" | "rollback";
  /** Why the environment came to it: what it fixes, or what was wrong with what it left. */
  readonly reason: string;
}

/** What a target is given while it works. */
export interface DeployMeans {
  /** Ends everything: the lease was lost, or the process stops. Only this throws. */
  readonly signal: AbortSignal;
  /** Milliseconds from now until it has to be done. */
  readonly deadlineMs: number;
  /** Whether the place is still ours, by the store: asked before every effect that cannot be taken back. Throws where it is not. */
  readonly confirmOurs: () => Promise<void>;
  /** Whether a digest was brought there by an attempt of ours. */
  readonly isOurs: (digest: Digest) => boolean;
  /** A person says that it is to run there, whatever runs there now. */
  readonly forced: boolean;
  readonly memory: PlaceMemory;
}

/** What a target keeps of a place, beside the place's record: it outlives crashes and attempts, and what a person does to the system. */
export interface PlaceMemory {
  /** What was kept last; null where nothing was. */
  readonly load: () => Promise<unknown>;
  /** Keeps a value that is JSON, where the place is still ours. Throws where it is not, as `confirmOurs` does. */
  readonly save: (value: unknown) => Promise<void>;
}

/** A person took out what we had brought, or put something else in its place. Nothing was changed. */
export interface Overruled {
  readonly kind: "overruled";
  /** What stands there now; undefined where it is named by no digest. */
  readonly found: Digest | undefined;
  readonly reason: string;
}

/** What a target would do. */
export interface DeployPlan {
  /** One sentence each, in their order. */
  readonly steps: readonly string[];
  /** Why it cannot be done as things are. */
  readonly problem?: string;
}

export type Applied =
  | { readonly kind: "applied"; readonly detail?: Readonly<Record<string, unknown>> }
  /** It is under way at the target: it is asked again until its deadline. */
  | { readonly kind: "again"; readonly reason: string }
  /** All was done that can be, and a person has to do the rest: it is looked at now and then, for so long since the attempt began. */
  | { readonly kind: "pending"; readonly reason: string; readonly withinMs: number }
  /** The target cannot be used: nobody answers, or it is not set up for us. That decides nothing about the image: it is an alarm, and tried again. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** The system does not take it: it is undone, and the environment goes back. */
  | { readonly kind: "failed"; readonly reason: string }
  /** The target has seen a later worker, or runs what is none of ours. Nothing was changed. */
  | { readonly kind: "stale"; readonly reason: string }
  | Overruled;

export type Undone = { readonly kind: "undone" } | { readonly kind: "again"; readonly reason: string };

/**
 * A kind of running system. Every call can be made again, at any time, after a crash at any point of the one before: it finds what is there and goes on. Whatever goes wrong at the target is an answer; only an abort,
 * `confirmOurs` and `memory` throw.
 */
export interface DeployTarget {
  readonly kind: string;
  /** Whether it can say what runs. Where it cannot, what it has taken counts as running. */
  readonly observes: boolean;
  /** What would be done; nothing is changed. */
  plan(request: DeployRequest, signal: AbortSignal): Promise<DeployPlan>;
  /** Makes the system use the digest. */
  apply(request: DeployRequest, means: DeployMeans): Promise<Applied>;
  /** Whether a person took out what an attempt had brought, where the target can tell; nothing is changed. */
  findOverruled?(request: DeployRequest, means: DeployMeans): Promise<Overruled | undefined>;
  /** What it runs now. */
  observe(place: Place, signal: AbortSignal): Promise<Observed>;
  /** Hears from the system itself, until `signal`, that something at a place changed, and says so by `tell`: where that can be had. What is asked all the while is asked as ever. */
  follow?(place: Place, tell: () => void, signal: AbortSignal): FollowedPlace;
  /** Brings back what was there before an attempt that failed. */
  undo(request: DeployRequest, means: DeployMeans): Promise<Undone>;
}

/** A place whose changes are told of. */
export interface FollowedPlace {
  /** Whether every change is told of now: then nobody needs to look. */
  readonly isLive: () => boolean;
}

/** What targets share of the world. */
export interface DeployWorld {
  /** Folder of the configuration: paths are relative to it. */
  readonly home: string;
  /** Folder for what a target keeps of its own. */
  readonly stateDir: string;
  readonly clock: Clock;
  /** Copies a digest of an image to a repository elsewhere, where it keeps a tag of its own; with `evidence` the artifacts that name it as well. What is there already is not sent again. Throws what registries throw. */
  readonly copyImage: (
    image: string,
    digest: Digest,
    to: string,
    options: { readonly evidence: boolean; readonly signal: AbortSignal },
  ) => Promise<void>;
  /** Where a running system pulls an image from: `registry.example/web`. */
  readonly pullName: (place: Place) => string;
  /** Branches of Git repositories. */
  readonly branches: TargetBranches;
  /** Pull requests of a deployment's repository. */
  readonly forgeOf: (gitops: GitopsConfig) => TargetForge | undefined;
  /** A repository elsewhere. */
  readonly repository: (name: string) => TargetRepository;
  /** A Kubernetes cluster, by a kubeconfig or by the service account of the pod that we are in. */
  readonly cluster: (access: {
    readonly kubeconfig: string | undefined;
    readonly context: string | undefined;
  }) => TargetCluster;
}

/** As much of a Kubernetes API server as a target needs. Throws what clusters throw. */
export interface TargetCluster {
  /** An object; undefined where there is none. */
  readonly read: (path: string, signal: AbortSignal) => Promise<unknown>;
  readonly list: (path: string, selector: string | undefined, signal: AbortSignal) => Promise<readonly unknown[]>;
  /** A strategic merge patch. `conflict`: the object is not what it was when it was read. */
  readonly patch: (path: string, body: unknown, signal: AbortSignal) => Promise<"patched" | "conflict">;
  /** Deletes an object, by its uid: another one of that name stays. */
  readonly remove: (path: string, uid: string, signal: AbortSignal) => Promise<void>;
  /** Hears of every change of a list until `signal`, whatever becomes of the connection. `isLive`: whether it does now. */
  readonly follow: (
    list: TargetList,
    ears: {
      readonly onLive: (isLive: boolean) => void;
      readonly onChange: (change: "came" | "went" | "changed") => void;
    },
    signal: AbortSignal,
  ) => Promise<void>;
}

/** Objects of a path, by labels or by fields. */
export interface TargetList {
  readonly path: string;
  readonly selector?: string;
  readonly fields?: string;
}

/** As much of a repository as a tag needs. */
export interface TargetRepository {
  readonly name: string;
  readonly resolve: (reference: string, signal?: AbortSignal) => Promise<{ readonly digest: Digest } | undefined>;
  readonly tag: (
    digest: Digest,
    tag: string,
    options?: { readonly ifMatch?: Digest | "absent"; readonly signal?: AbortSignal },
  ) => Promise<void>;
}

/** Files of a branch of a Git repository. */
export interface TargetFiles {
  readonly url: string;
  readonly branch: string;
  readonly paths: readonly string[];
}

/** A branch as it was when it was looked at. */
export interface TargetTip {
  readonly commit: string;
  /** By path. What is not there is missing. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

export interface TargetCommit {
  readonly commit: string;
  readonly author: string;
  readonly committerEmail: string;
  readonly message: string;
}

/** What is made of files of a branch. */
export interface TargetChange {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
  readonly signingKey?: string;
}

/** Makes a change of a branch as it is; asked again where somebody else was quicker. Without a change there is no commit. */
export type TargetEdit = (
  tip: TargetTip & {
    /** The commit by which a text came to the files or went from them last; undefined where that lies too far back. */
    readonly lastCommitOf: (text: string) => Promise<TargetCommit | undefined>;
  },
) => Promise<TargetChange | undefined>;

export interface TargetPullRequest {
  readonly number: number;
  readonly url: string;
  readonly state: "open" | "merged" | "closed";
  readonly title: string;
  readonly body: string;
  readonly endedBy: string | undefined;
}

interface TargetText {
  readonly title: string;
  readonly body: string;
}

/** As much of a forge as a target needs. Throws what forges throw. */
export interface TargetForge {
  /** The newest from one branch into another, whatever became of it. */
  readonly find: (
    branches: { readonly head: string; readonly base: string },
    signal: AbortSignal,
  ) => Promise<TargetPullRequest | undefined>;
  readonly open: (
    branches: { readonly head: string; readonly base: string },
    text: TargetText & { readonly labels: readonly string[] },
    signal: AbortSignal,
  ) => Promise<TargetPullRequest>;
  readonly update: (number: number, text: TargetText, signal: AbortSignal) => Promise<void>;
  readonly close: (number: number, comment: string, signal: AbortSignal) => Promise<void>;
}

/** As much of Git as a target needs. Throws what Git throws. */
export interface TargetBranches {
  readonly read: (files: TargetFiles, signal: AbortSignal) => Promise<TargetTip>;
  /** Commits and pushes what `edit` makes of the files. */
  readonly edit: (
    files: TargetFiles,
    edit: TargetEdit,
    signal: AbortSignal,
  ) => Promise<{ readonly kind: "pushed" | "unchanged"; readonly commit: string }>;
  /** Puts what `edit` makes of the files on the branch `head`, which is ours. `foreign`: its newest commit is somebody else's. */
  readonly propose: (
    files: TargetFiles & { readonly head: string },
    edit: TargetEdit,
    signal: AbortSignal,
  ) => Promise<
    | { readonly kind: "pushed" | "unchanged"; readonly commit: string }
    | { readonly kind: "nothing" }
    | { readonly kind: "foreign"; readonly by: TargetCommit }
  >;
  /** Takes the branch `head` away, where its newest commit is of a committer with `email`. */
  readonly withdraw: (
    source: { readonly url: string; readonly head: string; readonly email: string },
    signal: AbortSignal,
  ) => Promise<void>;
}
