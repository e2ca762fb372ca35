import { sql as fragment, type Transaction } from "kysely";
import type { ExposedFinding, KnownDeployment } from "../../core/exposure/index.ts";
import type { EnvironmentName, ImageName, RebuildState } from "../../core/plan/index.ts";
import type { Cure } from "../../core/remedy/index.ts";
import type { Digest, Instant } from "../../lib/index.ts";
import type { Tables } from "./schema.ts";

/** A move of an environment's pointer that was confirmed. */
export interface PlacedMove {
  readonly image: ImageName;
  readonly environment: EnvironmentName;
  readonly promotion: string;
  readonly digest: Digest;
  readonly fence: number;
  readonly confirmedAt: Instant;
}

/** A digest of an image, with what it holds. */
export interface BuiltDigest {
  readonly image: ImageName;
  readonly digest: Digest;
  readonly createdAt: Instant;
  readonly inventories: readonly string[];
  /** The rebuild that made it first. */
  readonly rebuild: string | null;
  /** Whether a rebuild that has not ended brings it. */
  readonly isCandidate: boolean;
}

export interface PassedVerification {
  readonly image: ImageName;
  readonly digest: Digest;
  readonly environment: EnvironmentName;
  readonly passedAt: Instant;
}

/** All that the exposures of some images follow from. */
export interface ExposureFacts {
  readonly images: readonly { readonly name: ImageName; readonly retiredAt: Instant | null }[];
  /** In the order in which the environments moved. */
  readonly moves: readonly PlacedMove[];
  readonly digests: readonly BuiltDigest[];
  readonly verifications: readonly PassedVerification[];
  readonly deployments: readonly (KnownDeployment & {
    readonly image: ImageName;
    readonly environment: EnvironmentName;
  })[];
  readonly findings: readonly ExposedFinding[];
  /** Inventories of which all could be read and was compared with the feeds. */
  readonly known: ReadonlySet<string>;
  /** What was detected before. */
  readonly remembered: readonly {
    readonly image: ImageName;
    readonly environment: EnvironmentName;
    readonly advisory: string;
    readonly turn: number;
    readonly at: Instant;
  }[];
  /** Rebuilds that ended. */
  readonly rebuilds: readonly {
    readonly id: string;
    readonly image: ImageName;
    readonly state: RebuildState;
    readonly candidate: Digest | null;
    readonly finished: Instant;
  }[];
  /** What the newest pass found to cure, by image. */
  readonly cures: readonly { readonly image: ImageName; readonly at: Instant; readonly cures: readonly Cure[] }[];
}

/** Reads it, for as many images as one transaction may take. */
export async function loadExposureFacts(sql: Transaction<Tables>, names: readonly ImageName[]): Promise<ExposureFacts> {
  const images = fragment`${[...names]}::text[]`;
  const moves = await fragment<PlacedMove>`
    select image, environment, id as promotion, digest, fence, confirmed_at as "confirmedAt"
      from promotion where state = 'confirmed' and image = any(${images})
     order by image, environment, fence`.execute(sql);
  const digests = await fragment<BuiltDigest>`
    select d.image, d.digest, d.created_at as "createdAt",
           array(select distinct jsonb_path_query(d.inventories, '$.*') #>> '{}') as inventories,
           (select r.id from rebuild r where r.image = d.image and r.candidate = d.digest order by r.created_at, r.id limit 1) as rebuild,
           exists (select 1 from rebuild r where r.image = d.image and r.candidate = d.digest and r.finished_at is null) as "isCandidate"
      from image_digest d where d.image = any(${images})`.execute(sql);
  const verifications = await fragment<PassedVerification>`
    select image, digest, environment, min(finished_at) as "passedAt"
      from verification where verdict = 'passed' and finished_at is not null and image = any(${images})
     group by image, digest, environment`.execute(sql);
  const deployments = await fragment<ExposureFacts["deployments"][number]>`
    select name, image, environment, digest, promotion, created_at as "createdAt",
           case when state = 'confirmed' then confirmed_at end as "confirmedAt"
      from deployment where image = any(${images}) order by fence, created_at, id`.execute(sql);
  const cures = await fragment<ExposureFacts["cures"][number]>`
    select image, at, cures from image_remedy where image = any(${images})`.execute(sql);
  const remembered = await fragment<ExposureFacts["remembered"][number]>`
    select image, environment, advisory, turn, detected as at from exposure where image = any(${images})`.execute(sql);
  const rebuilds = await fragment<ExposureFacts["rebuilds"][number]>`
    select id, image, state, candidate, finished_at as finished from rebuild
     where finished_at is not null and image = any(${images}) order by id`.execute(sql);
  const named = await fragment<ExposureFacts["images"][number]>`
    select name, retired_at as "retiredAt" from image where name = any(${images}) order by name`.execute(sql);
  const keys = [...new Set(digests.rows.flatMap(({ inventories }) => inventories))];
  return {
    images: named.rows,
    moves: moves.rows,
    digests: digests.rows,
    verifications: verifications.rows,
    deployments: deployments.rows,
    remembered: remembered.rows,
    rebuilds: rebuilds.rows,
    cures: cures.rows,
    ...(await loadFindings(sql, keys)),
  };
}

interface FindingRow {
  readonly advisory: string;
  readonly package: string;
  readonly severity: ExposedFinding["severity"];
  readonly published: number | null;
  readonly aliases: readonly string[];
  readonly firstSeen: Instant;
  readonly fixedSince: Instant | null;
  readonly endedAt: Instant | null;
  readonly endKind: "withdrawn" | "changed" | null;
  readonly inventories: readonly string[];
}

async function loadFindings(
  sql: Transaction<Tables>,
  keys: readonly string[],
): Promise<Pick<ExposureFacts, "findings" | "known">> {
  const held = await fragment<FindingRow>`
    select f.advisory, p.entry ->> 'name' as package, coalesce(f.detail -> 'severity' ->> 'level', 'unknown') as severity,
           (f.detail ->> 'published')::float8 as published, f.detail -> 'aliases' as aliases, f.first_seen as "firstSeen",
           f.fixed_since as "fixedSince", f.ended_at as "endedAt", f.end_kind as "endKind", h.inventories
      from (select id, array_agg(inventory) as inventories
              from inventory_package, unnest(packages) as id
             where inventory = any(${[...keys]}::text[]) group by id) h
      join finding f on f.package = h.id join package p on p.id = h.id
     order by f.advisory, package, f.first_seen`.execute(sql);
  const known = await fragment<{ key: string }>`
    select i.key from inventory i join inventory_package h on h.inventory = i.key
     where i.key = any(${[...keys]}::text[]) and i.status = 'complete'
       and not exists (select 1 from package p where p.id = any(h.packages) and not p.matched)`.execute(sql);
  return {
    findings: held.rows.map(({ published, fixedSince, endedAt, endKind, ...row }) => ({
      ...row,
      published: published ?? undefined,
      fixedSince: fixedSince ?? undefined,
      endedAt: endedAt ?? undefined,
      endKind: endKind ?? undefined,
    })),
    known: new Set(known.rows.map(({ key }) => key)),
  };
}
