import { applyOwnStatements, applyVex, type Finding, type OwnStatement } from "../core/advisory/index.ts";
import type { Config } from "../core/config/index.ts";
import type { Inventory } from "../core/inventory/index.ts";
import type { VexStatementRow } from "../io/store/index.ts";
import { sha256, type Digest, type Instant } from "../lib/index.ts";
import { repositoryName, type Context } from "./context.ts";
import { loadVex, type LoadedVex } from "./load-vex.ts";

/** What people and documents say of the vulnerabilities of a fleet. */
export interface FleetVex extends LoadedVex {
  /** The findings of an image's digest with what is said of them. */
  apply(findings: readonly Finding[], of: { image: string; digest: Digest; inventory: Inventory }): Finding[];
  /** The same for images of which the same is said now, of the digest and without it: what was found out may be remembered by it. */
  key(image: string, digest: Digest): string;
}

/** Loads what is said now: the statements of the store, and the documents of the configuration. What cannot be read sets nothing aside, and is told. */
export async function loadFleetVex(ctx: Context): Promise<FleetVex> {
  const [documents, rows] = await Promise.all([loadVex(ctx), ctx.store.loadVexStatements()]);
  return fleetVex(documents, rows.map(ownStatement), ctx.config, ctx.clock.now());
}

function fleetVex(documents: LoadedVex, own: readonly OwnStatement[], config: Config, now: Instant): FleetVex {
  const { statements } = documents;
  const digestOfDocuments = statements.length === 0 ? "" : sha256(JSON.stringify(statements));
  const standing = (image: string): OwnStatement[] =>
    own.filter(
      (one) => (one.image === undefined || one.image === image) && (one.until === undefined || one.until > now),
    );
  return {
    ...documents,
    apply: (findings, { image, digest, inventory }) => {
      const subject = { digests: [digest], repositories: repositoriesOf(config, image), inventory };
      return applyOwnStatements(applyVex(findings, statements, subject, now), own, image, now);
    },
    key: (image, digest) => {
      const said = standing(image);
      if (said.length === 0 && statements.length === 0) return "";
      return sha256(JSON.stringify([said, digestOfDocuments, statements.length === 0 ? "" : [image, digest]]));
    },
  };
}

function repositoriesOf(config: Config, image: string): string[] {
  const path = repositoryName(config, image);
  const { url } = config.registry;
  return url === undefined ? [path] : [`${url}/${path}`, path];
}

/** A statement of the store as matching takes it. */
export function ownStatement(row: VexStatementRow): OwnStatement {
  const { vulnerability, package: name, image, status, justification, reason, author, createdAt, until } = row;
  return {
    vulnerability,
    package: name ?? undefined,
    image: image ?? undefined,
    status,
    justification: justification ?? undefined,
    reason,
    author,
    at: createdAt,
    until: until ?? undefined,
  };
}
