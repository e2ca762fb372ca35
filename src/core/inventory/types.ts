import type { Digest } from "../../lib/index.ts";
import type { Platform } from "../image/index.ts";

/** A package that a digest really holds, read from its bytes. */
export interface InstalledPackage {
  readonly type: "deb";
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
  readonly sourceVersion: string;
  /** diff ID of the layer that owns its entry. */
  readonly layer: Digest;
}

/** `/etc/os-release` or `/usr/lib/os-release`. os-release(5). */
export interface OsRelease {
  readonly id: string;
  readonly versionId: string | undefined;
  readonly codename: string | undefined;
  readonly prettyName: string | undefined;
}

/** What one digest holds on one platform. `status` is `unknown` where any part could not be read: never shown as clean. */
export interface Inventory {
  readonly platform: Platform;
  readonly os: OsRelease | undefined;
  /** Sorted by type, name, architecture. */
  readonly packages: readonly InstalledPackage[];
  readonly status: "complete" | "unknown";
  /** What could not be read, one sentence each, naming file and layer. */
  readonly problems: readonly string[];
}
