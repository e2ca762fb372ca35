import type { ImageSink, ImageSource, Platform } from "../../../core/image/index.ts";
import type { AptSource } from "../../../core/inventory/index.ts";
import type { PatchPolicy, ScriptNeed, Swap } from "../../../core/patch/index.ts";
import type { PackageRecord, PackageUniverse } from "../../../core/packages/index.ts";
import type { PackageChange } from "../../../core/plan/index.ts";
import type { ImageReader } from "../../../io/layer/index.ts";
import type { Digest } from "../../../lib/index.ts";

/** Which suites an image's packages come from. */
export interface SuiteQuestion {
  /** Of its release: bookworm. */
  readonly codename: string;
  /** The suites that its own apt names, else the usual ones of the release. */
  readonly suites: readonly string[];
  /** Debian's word: amd64. */
  readonly architecture: string;
  /** Where the image's apt would ask. */
  readonly sources: readonly AptSource[];
}

export interface PatcherDeps {
  readonly images: ImageReader;
  /** Folder for converted packages and layers, the same as the assembler's; may be lost at any time. */
  readonly cacheDir: string;
  /** Path of the verified .deb. */
  readonly fetchPackage: (record: PackageRecord) => Promise<string>;
  /** What the image's own suites offer, verified; throws where they cannot be had. */
  readonly universeFor: (question: SuiteQuestion, signal?: AbortSignal) => Promise<PackageUniverse>;
}

export interface PatchRequest {
  readonly source: ImageSource;
  /** What of it is to be mirrored and patched: an index, or the manifest of one image. */
  readonly digest: Digest;
  /** The original's repository, without tag or digest, as annotations and a Dockerfile name it. */
  readonly name: string;
  /** Where it goes, and is read back from. */
  readonly sink: ImageSink & ImageSource;
  /** Only these platforms of an index; all of them without it. */
  readonly platforms?: readonly Platform[] | undefined;
  readonly policy: PatchPolicy;
  /** The release (bookworm) of an image whose os-release names none. */
  readonly codename?: string | undefined;
}

/** What an engine is to build for one platform. */
export interface EnginePatch {
  readonly platform: Platform;
  /** Of the original's manifest. */
  readonly digest: Digest;
  /** What is to change, exactly. */
  readonly swaps: readonly Swap[];
  readonly needs: readonly ScriptNeed[];
  readonly dockerfile: string;
}

/** One package of one platform that changed. */
export interface PatchChange extends PackageChange {
  readonly platform: string;
  readonly source: string;
}

export type PatchOutcome =
  | {
      /** `mirrored` is the owner's image as it is. */
      readonly kind: "mirrored" | "patched";
      /** Whole in the sink; no tag names it yet. */
      readonly digest: Digest;
      readonly changes: readonly PatchChange[];
      /** What the reader should know, one sentence each. */
      readonly notes: readonly string[];
      /** Bytes of all blobs and manifests, and those that the sink did not have; of a mirrored image only the latter are known. */
      readonly bytes: number | undefined;
      readonly uploaded: number;
    }
  /** Maintainer scripts must run: nothing was pushed. */
  | { readonly kind: "needs-engine"; readonly platforms: readonly EnginePatch[]; readonly notes: readonly string[] }
  /** Nothing was pushed. */
  | { readonly kind: "refused"; readonly reasons: readonly string[] };

/** Mirrors and patches images of other people; what it has converted serves the whole fleet. */
export interface Patcher {
  /**
   * The original as it is where its packages are current, else with one layer on top that brings them up to date, made from the original always; refused or left to an engine where that cannot be done by
   * swapping files. The same original and packages give the same digest. Throws PATCH_NOT_PROVEN where the bytes that were pushed are not what was planned, and what
   * reading, fetching, converting and pushing throw.
   */
  patchImage(request: PatchRequest, signal?: AbortSignal): Promise<PatchOutcome>;
  /**
   * What an engine changed when it built `platforms`, whose image stands in the request's sink under `digest`: exactly what was planned, and every file of the packages as they ship it. Throws
   * PATCH_NOT_PROVEN.
   */
  proveBuilt(
    request: Pick<PatchRequest, "source" | "sink">,
    platforms: readonly EnginePatch[],
    digest: Digest,
    signal?: AbortSignal,
  ): Promise<readonly PatchChange[]>;
}
