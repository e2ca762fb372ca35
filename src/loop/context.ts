import type { BumpSource, Config, EvidenceConfig, ExternalImage } from "../core/config/index.ts";
import type { ExternalPipeline } from "../core/external/index.ts";
import type { Reference } from "../core/image/index.ts";
import type { FixedPackage } from "../core/patch/index.ts";
import type { PackageChange } from "../core/plan/index.ts";
import type { TrustedSigner } from "../core/signature/index.ts";
import type { Bumper } from "../io/bump/index.ts";
import type { JobRunner } from "../io/cluster/index.ts";
import type { DeployTarget } from "../io/deploy/index.ts";
import type { Distro, SuiteSource } from "../io/distro/index.ts";
import type { BuildEngine, RunEngine } from "../io/engine/index.ts";
import type { Feed } from "../io/feeds/index.ts";
import type { Forge } from "../io/forge/index.ts";
import type { BranchWriter, Git } from "../io/git/index.ts";
import type { ImageReader } from "../io/layer/index.ts";
import type { RegistryClient, Repository, TagAsker } from "../io/registry/index.ts";
import type { EvidenceSigner } from "../io/sign/index.ts";
import type { Store } from "../io/store/index.ts";
import type { Clock, Digest, Logger } from "../lib/index.ts";
import type { BelievedBase } from "./believed-bases.ts";
import type { SourceReader } from "./sources.ts";

/** Something that happened, for whoever looks on. Nothing depends on it arriving. */
export interface LoopEvent {
  readonly kind:
    | "observed"
    | "planned"
    | "queued"
    | "building"
    | "built"
    | "verifying"
    | "verified"
    | "promoting"
    | "promoted"
    | "unchanged"
    | "held"
    | "failed"
    | "rolled-back"
    | "deploying"
    | "deployed"
    | "alarm"
    | "output"
    | "note";
  readonly image?: string;
  readonly environment?: string;
  readonly digest?: Digest;
  readonly rebuild?: string;
  readonly message: string;
}

/** How evidence is signed, and whose counts. */
export interface FleetEvidence {
  readonly rules: EvidenceConfig;
  /** Who says that it made, checked and scanned. */
  readonly verifier: { readonly id: string; readonly version: string };
  /** What signs, opened when it is first asked for. Throws KEY_CLOSED where it cannot be. */
  readonly signer: () => Promise<EvidenceSigner>;
  /** Keys and identities as they are now: whose evidence counts, and whose no longer does. Throws BAD_KEY, BAD_ROOT, KEY_CLOSED. */
  readonly keys: () => Promise<{
    readonly trusted: readonly TrustedSigner[];
    readonly revoked: readonly TrustedSigner[];
  }>;
}

/** With what vulnerable packages are bumped in the repositories that images are made from. */
export interface BumpParts {
  readonly git: Pick<Git, "look" | "fetch">;
  readonly branches: Pick<BranchWriter, "edit" | "propose" | "withdraw">;
  readonly bumper: Bumper;
  /** Where its changes are proposed; undefined where they are pushed. */
  readonly forgeOf: (source: BumpSource) => Forge | undefined;
  /** A repository's address without credentials. */
  readonly publicUrl: (url: string) => string;
}

/** What every step is given: the world, and where to write down what was done to it. */
export interface Context {
  readonly config: Config;
  /** Folder of the configuration: `files:` are relative to it. */
  readonly home: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Store;
  readonly distro: Distro;
  /** The suites of each upstream of the configuration. */
  readonly suites: ReadonlyMap<string, readonly SuiteSource[]>;
  /** The advisory feeds of the configuration; none where it names none, and then nothing is known to be clean. */
  readonly feeds: readonly Feed[];
  /** Build contexts of Dockerfiles. */
  readonly sources: SourceReader;
  readonly bumps: BumpParts;
  readonly images: ImageReader;
  /** The engine that builds Dockerfiles. Throws ENGINE_UNAVAILABLE with what to install or configure where there is none. */
  readonly builder: () => Promise<BuildEngine>;
  /** What each base is believed to be, by name. */
  readonly believedBases: () => Promise<ReadonlyMap<string, BelievedBase>>;
  /** How bases are asked for: one client and one budget for all. */
  readonly bases: { readonly registries: RegistryClient; readonly asker: TagAsker; readonly clock: Clock };
  /** Where an image of somebody else's lies. */
  readonly baseRepository: (reference: Reference) => Repository;
  /** Runs candidates, for checks; undefined where there is none. */
  readonly engine: RunEngine | undefined;
  /** Tries candidates in Kubernetes clusters, for checks; undefined where nothing does. */
  readonly jobs?: JobRunner | undefined;
  /** Undefined where the configuration asks for none. */
  readonly evidence: FleetEvidence | undefined;
  /** The pipeline that builds an image of recipe `external`. */
  readonly pipelineOf: (image: ExternalImage) => ExternalPipeline;
  readonly repositoryOf: (image: string) => Repository;
  /** What others pull an image by, without tag or digest: with `registry` in place of the registry's own name where that is given. */
  readonly pullName: (image: string, registry?: string) => string;
  /** The running system that a deployment of the configuration names. */
  readonly targetOf: (deployment: string) => DeployTarget;
  /** For what can be made again. */
  readonly cacheDir: string;
  /** Who works: unique to this process. */
  readonly owner: string;
  readonly emit: (event: LoopEvent) => void;
  readonly signal: AbortSignal;
}

/** Milliseconds of a lease, renewed while work goes on: what a killed process held is taken over, with the pause between two looks, within 30 seconds. */
export const leaseMs = 20_000;

/** The repository of an image: its own, or its name. */
export function repositoryName(config: Config, image: string): string {
  return config.images[image]?.repository ?? image;
}

/** The tag that keeps a digest from being collected, whatever else happens to it. */
export function keepingTag(digest: Digest): string {
  return `keep-${digest.slice(digest.indexOf(":") + 1).slice(0, 40)}`;
}

/** What is kept of a candidate beside its inventories: `detail` of its row. */
export interface CandidateDetail {
  /** What it takes over from; null for the first. */
  readonly previous: Digest | null;
  readonly changes: readonly PackageChange[];
  /** Bytes of all its blobs, and those that the registry did not have. */
  readonly bytes: number;
  readonly bytesUploaded: number;
  readonly layers: readonly { readonly digest: Digest; readonly bytes: number; readonly history: string }[];
  readonly warnings: readonly string[];
  readonly origin: CandidateOrigin;
  /** Variables of its environment that tell which runtimes it has: `NODE_VERSION=22.1.0`. */
  readonly runtimes: readonly string[];
}

/** Where a candidate comes from. */
export interface CandidateOrigin {
  readonly remedy: "rebuild" | "rebase" | "patch" | "mirror";
  /** Why by this remedy, as a sentence. */
  readonly why: string;
  /** What it was made of: digests of bases and of own images, builder stages too, by the name that the recipe gives them. */
  readonly bases: Readonly<Record<string, Digest>>;
  /** Which of `bases` its layers stand on, by the same name. */
  readonly standsOn?: string;
  /** Digest of the build context, or the commit. */
  readonly source?: string;
  /** Diff IDs of the layers that its base brings, by platform. */
  readonly baseLayers?: Readonly<Record<string, readonly Digest[]>>;
  /** Of what Tidemill did not build: whose pipeline did, as provenance names builders, and its run. Both undefined where nobody knows. */
  readonly elsewhere?: { readonly builder: string | undefined; readonly run: string | undefined };
  /** What patches of the same original have fixed, by the word of feeds and changelogs. */
  readonly fixed?: readonly FixedPackage[];
}
