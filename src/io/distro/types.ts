import type { Digest, Instant } from "../../lib/index.ts";
import type { DebArchitecture, PackageRecord, PackageUniverse } from "../../core/packages/index.ts";

/** One suite of one archive, as it is watched. */
export interface SuiteSource {
  /** Name of the upstream, as packages' `origin` has it: `debian/bookworm-security`. */
  readonly name: string;
  /** Root of the archive, the folder that holds `dists` and `pool`; http or https. */
  readonly mirror: string;
  readonly suite: string;
  /** What the Release file must call itself. */
  readonly codename: string;
  readonly components: readonly string[];
  readonly architectures: readonly DebArchitecture[];
  /** OpenPGP public keys, binary or armored, one of which must have signed. */
  readonly keys: readonly Uint8Array[];
  /** Whether what it offers are security updates. */
  readonly security: boolean;
}

/** What a suite offered at one moment, verified and whole on disk. */
export interface SuiteGeneration {
  /** {@link SuiteSource.name}. */
  readonly source: string;
  readonly suite: string;
  readonly codename: string;
  /** `Date` of the Release file. */
  readonly date: Instant;
  readonly validUntil: Instant | undefined;
  /** Of the InRelease file. */
  readonly digest: Digest;
  readonly indices: readonly {
    readonly component: string;
    readonly architecture: DebArchitecture;
    /** Plain Packages file. */
    readonly path: string;
    readonly sha256: Digest;
  }[];
}

export interface Refreshed {
  readonly kind: "unchanged" | "updated";
  readonly generation: SuiteGeneration;
}

/** The watched suites, on disk below one folder. */
export interface Distro {
  /** Asks the mirror; a newer generation is taken in whole or not at all. Throws DistroError and keeps the last good one. */
  refresh(source: SuiteSource, signal?: AbortSignal): Promise<Refreshed>;
  /** The last good generation of the upstream `name`; undefined where there never was one. */
  generation(name: string): Promise<SuiteGeneration | undefined>;
  /** All that the generations offer for one architecture. Remembered by their digests. */
  universe(generations: readonly SuiteGeneration[], architecture: DebArchitecture): Promise<PackageUniverse>;
  /** Path of the verified .deb; from the cache, or fetched from the mirror of `source`. */
  fetchPackage(record: PackageRecord, source: SuiteSource, signal?: AbortSignal): Promise<string>;
}
