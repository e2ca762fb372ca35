import type { Digest } from "../../lib/index.ts";

/** A Debian architecture: `amd64`, `arm64`, `all`. */
export type DebArchitecture = string;

/** One binary package that a suite offers, as its Packages index says. Debian Policy 5.3, repository format. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: DebArchitecture;
  /** Source package; its own name where the index has no Source field. */
  readonly source: string;
  readonly sourceVersion: string;
  readonly multiArch: "no" | "same" | "foreign" | "allowed";
  readonly essential: boolean;
  /** `required`, `important`, `standard`, `optional`, `extra`. */
  readonly priority: string;
  /** Name of the upstream that offers it, as in {@link SuiteGeneration}. */
  readonly origin: string;
  /** Path below the mirror's root. */
  readonly filename: string;
  /** Bytes of the .deb. */
  readonly size: number;
  readonly sha256: Digest;
  /** The stanza as text, fields in their order: relations, Description and the rest are parsed from it when they are needed. */
  readonly stanza: string;
}

/** All that the open suites offer for one architecture (and `all`): what the resolver chooses from. */
export interface PackageUniverse {
  readonly architecture: DebArchitecture;
  /** Every offered version of `name`, newest first. */
  versions(name: string): readonly PackageRecord[];
  /** Every offered version of any package whose Provides names `name`, with the version provided. */
  providers(name: string): readonly { readonly record: PackageRecord; readonly version: string | undefined }[];
  /** Names of the packages marked Essential. */
  essential(): readonly string[];
  /**
   * Grows with the place where the indices first mention `name`, in any relation field or as a package; Infinity where they
   * never do. apt's last word between providers that are otherwise equal: the one mentioned last.
   */
  mention(name: string): number;
}

export interface ResolveRequest {
  /** Names, `name=version`, or `name/suite`, as apt-get install takes them. */
  readonly roots: readonly string[];
  /** The Essential set as well. */
  readonly essential?: boolean;
  readonly recommends?: boolean;
  /** Packages to leave out; a closure that needs one is unsatisfiable. */
  readonly exclude?: readonly string[];
  /** Exact versions that must be taken, by name: held-back packages. */
  readonly pins?: Readonly<Record<string, string>>;
}

export type Resolution =
  | { readonly kind: "resolved"; readonly packages: readonly PackageRecord[] }
  /** `chain`: who needs what, from the root to what is missing or in conflict, one sentence a step. */
  | { readonly kind: "unsatisfiable"; readonly chain: readonly string[] };
