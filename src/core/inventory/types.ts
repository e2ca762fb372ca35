import type { Digest } from "../../lib/index.ts";
import type { Platform } from "../image/index.ts";

/** Kinds of packages, by their purl type. purl-spec, types. */
export type PackageType =
  "deb" | "apk" | "rpm" | "npm" | "pypi" | "golang" | "maven" | "cargo" | "composer" | "gem" | "nuget";

/** A package that a digest really holds, read from its bytes. */
export interface InstalledPackage {
  readonly type: PackageType;
  /** As its ecosystem writes it: `@scope/name`, `group:artifact`, `github.com/org/module`. */
  readonly name: string;
  readonly version: string;
  /** As the package says, `all` or `noarch` too; empty where its kind has none. */
  readonly architecture: string;
  /** What it was built from; the package itself where its kind knows no sources. */
  readonly source: string;
  readonly sourceVersion: string;
  /** The rpm module stream that it is of, `nodejs:20`; undefined where it is of none. */
  readonly module?: string;
  /** diff ID of the layer that owns its entry. */
  readonly layer: Digest;
  /** The file that tells of it, where it is not in the distribution's database; what lies inside an archive stands behind `!/`. */
  readonly path?: string;
  /** Name of the distribution's package that brought that file: then what is said of that one counts, and this one is not looked up. */
  readonly owner?: string;
}

/** `/etc/os-release` or `/usr/lib/os-release`. os-release(5). */
export interface OsRelease {
  readonly id: string;
  readonly versionId: string | undefined;
  readonly codename: string | undefined;
  readonly prettyName: string | undefined;
}

/** What one digest holds on one platform. */
export interface Inventory {
  readonly platform: Platform;
  readonly os: OsRelease | undefined;
  /** Sorted by type, name, architecture, version, path. */
  readonly packages: readonly InstalledPackage[];
  /** `unknown` where any part could not be read: never shown as clean. */
  readonly status: "complete" | "unknown";
  /** The same of the distribution's own database alone: what a fix that the distribution made is proven by. */
  readonly system: "complete" | "unknown";
  /** What could not be read, one sentence each, naming file and layer. */
  readonly problems: readonly string[];
}
