import type { RunConfig } from "../../core/layer/index.ts";
import type { Descriptor, ImageSink, Platform } from "../../core/image/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { Digest } from "../../lib/index.ts";
import type { ImageFile } from "../files.ts";

/** What one platform of an image is made of. */
export interface PlatformPackages {
  readonly platform: Platform;
  /** The whole closure, one version a package. */
  readonly packages: readonly PackageRecord[];
  /** Names of the packages of each ancestor, the eldest first: their layers are laid out as there. */
  readonly lineage: readonly (readonly string[])[];
}

/** An account that the configuration asks for. */
export interface AccountRequest {
  readonly name: string;
  readonly uid: number;
  readonly gid?: number | undefined;
  readonly home: string;
  readonly shell: string;
}

/** Everything that decides about the bytes of an image, beside the converter. */
export interface AssembleRequest {
  /** For messages. */
  readonly image: string;
  readonly platforms: readonly PlatformPackages[];
  readonly files: readonly ImageFile[];
  readonly run: RunConfig;
  readonly accounts: readonly AccountRequest[];
  /** `Europe/Berlin`; UTC without it. */
  readonly timezone?: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AssembledLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  /** The history entry. */
  readonly history: string;
  /** Names of the packages that it holds. */
  readonly packages: readonly string[];
}

export interface AssembledPlatform {
  readonly platform: Platform;
  readonly digest: Digest;
  readonly layers: readonly AssembledLayer[];
}

/** An image that is whole in the sink, under its digest; no tag names it yet. */
export interface AssembledImage {
  /** Of the index where there are several platforms, else of the only manifest. */
  readonly digest: Digest;
  readonly platforms: readonly AssembledPlatform[];
  /** What maintainer scripts would have done and assembly does not, one sentence each. */
  readonly warnings: readonly string[];
  /** Bytes of configs, manifests and layers, each blob once. */
  readonly bytes: number;
  /** Those of them that the sink did not have. */
  readonly bytesUploaded: number;
}

/** Turns package lists into images; shared by the whole fleet, as is what it has cached. */
export interface Assembler {
  assemble(request: AssembleRequest, sink: ImageSink, options?: AssembleOptions): Promise<AssembledImage>;
}

export interface AssembleOptions {
  readonly signal?: AbortSignal;
  /** Repositories of the same registry that may have a layer already: `putBlob` tries to mount from them. */
  readonly mountFrom?: readonly string[];
}

/** What an assembler is given. */
export interface AssemblerDeps {
  /** Folder for converted packages and layers; may be lost at any time. */
  readonly cacheDir: string;
  /** Path of the verified .deb. */
  readonly fetchPackage: (record: PackageRecord, signal?: AbortSignal) => Promise<string>;
  /** Numbers of accounts that packages ask for and no table fixes: the same name has the same number for ever. */
  readonly allocateAccounts: (
    names: readonly string[],
  ) => Promise<ReadonlyMap<string, { readonly uid: number; readonly gid: number }>>;
}
