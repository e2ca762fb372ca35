import type { Digest } from "../../lib/index.ts";
import type { VexStatement } from "../../core/advisory/index.ts";
import type { InstalledPackage, OsRelease } from "../../core/inventory/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import type { ImageName } from "../../core/plan/index.ts";
import type { Cure } from "../../core/remedy/index.ts";
import type { Default, Detail, Json, MaybeTime, StoredError, Time } from "./columns.ts";

/** Tables of what is known of images, and of what they are made of. */
export interface KnownTables {
  image: {
    name: ImageName;
    repository: string;
    definition: Json<Detail>;
    recipeKey: string;
    parents: Json<readonly ImageName[]>;
    retiredAt: MaybeTime;
  };
  upstream: {
    name: string;
    kind: string;
    detail: Json<Detail>;
    lastAttempt: MaybeTime;
    lastSuccess: MaybeTime;
    lastError: Json<StoredError | null> | null;
    failures: Default<number>;
  };
  observation: {
    id: string;
    upstream: string;
    contentKey: string;
    detail: Json<Detail>;
    firstSeen: Time;
    baseline: boolean;
  };
  packageSeen: {
    upstream: string;
    name: string;
    architecture: string;
    version: string;
    firstSeen: Time;
    baseline: boolean;
  };
  inventory: {
    key: Digest;
    platform: string;
    status: "complete" | "unknown";
    system: "complete" | "unknown";
    os: Json<OsRelease | null>;
    madeFrom: string | null;
    packages: Json<readonly InstalledPackage[]>;
    problems: Json<readonly string[]>;
  };
  imageDigest: {
    image: ImageName;
    digest: Digest;
    platforms: Json<readonly string[]>;
    inventories: Json<Readonly<Record<string, Digest>>>;
    recipeKey: string;
    baseDigests: Json<readonly Digest[]>;
    createdAt: Time;
    detail: Json<Detail>;
  };
  baseVex: {
    base: string;
    digest: Digest;
    digests: Json<readonly Digest[]>;
    statements: Json<readonly VexStatement[]>;
    problems: Json<readonly string[]>;
    askedAt: Time;
  };
  packageRecord: {
    name: string;
    architecture: string;
    version: string;
    sha256: Digest;
    record: Json<PackageRecord>;
    keptAt: Time;
  };
  imageRemedy: {
    image: ImageName;
    digest: Digest;
    at: Time;
    state: "known" | "unknown";
    reasons: Json<readonly string[]>;
    cures: Json<readonly Cure[]>;
  };
}
