import {
  applyOwnStatements,
  applyVex,
  type Finding,
  type OwnStatement,
  type VexSubject,
} from "../core/advisory/index.ts";
import type { Config } from "../core/config/index.ts";
import { formatPlatform, parseReference } from "../core/image/index.ts";
import type { Inventory } from "../core/inventory/index.ts";
import type { BaseVex, ImageDigest, Store, VexStatementRow } from "../io/store/index.ts";
import { sha256, type Digest, type Instant } from "../lib/index.ts";
import { repositoryName, type CandidateOrigin, type Context } from "./context.ts";
import { loadVex, type LoadedVex } from "./load-vex.ts";

/** What people, documents and owners of bases say of the vulnerabilities of a fleet. */
export interface FleetVex extends LoadedVex {
  /** The findings of an image's digest on one platform with what is said of them. */
  apply(findings: readonly Finding[], row: ImageDigest, inventory: Inventory): Finding[];
  /** The same of an image that is none of the fleet: what is said of every image, of it by digest or repository, and by its owner where it is a base that is followed. */
  applyElsewhere(findings: readonly Finding[], subject: VexSubject): Finding[];
  /** The same for images of which the same is said now, of the digest and without it: what was found out may be remembered by it. */
  key(row: ImageDigest): string;
}

/** What the owner of a base says, and how much of an image it is about. */
interface BaseWord {
  readonly said: BaseVex;
  readonly layers: Layers;
}

/** Diff IDs of the layers of an image that came from a base, by platform; `all` where everything did. */
type Layers = NonNullable<CandidateOrigin["baseLayers"]> | "all";

/** Levels of images that stand on one another. */
const mostLevels = 10;

/** Loads what is said now of these digests: the statements of the store, the documents of the configuration, and what the owners of bases signed. What cannot be read sets nothing aside, and is told. */
export async function loadFleetVex(ctx: Context, rows: Iterable<ImageDigest>): Promise<FleetVex> {
  const [documents, own, bases] = await Promise.all([
    loadVex(ctx),
    ctx.store.loadVexStatements(),
    loadBaseWords(ctx.store, rows),
  ]);
  return fleetVex(documents, own.map(ownStatement), bases, ctx.config, ctx.clock.now());
}

interface BaseWords {
  readonly of: (row: ImageDigest) => readonly BaseWord[];
  /** Of these digests themselves, where they are bases. */
  readonly about: (digests: readonly Digest[]) => readonly BaseWord[];
}

function fleetVex(
  documents: LoadedVex,
  own: readonly OwnStatement[],
  words: BaseWords,
  config: Config,
  now: Instant,
): FleetVex {
  const { statements } = documents;
  const digestOfDocuments = statements.length === 0 ? "" : sha256(JSON.stringify(statements));
  const standing = (image: string): OwnStatement[] =>
    own.filter(
      (one) => (one.image === undefined || one.image === image) && (one.until === undefined || one.until > now),
    );
  return {
    ...documents,
    apply: (findings, row, inventory) => {
      const { image, digest } = row;
      const subject = { digests: [digest], repositories: repositoriesOf(config, image), inventory };
      // Who is nearer to the image has the last word: a base's owner, the documents that were chosen here, people.
      const told = words.of(row).reduce((list, word) => applyWord(list, word, inventory, now), [...findings]);
      return applyOwnStatements(applyVex(told, statements, subject, now), own, image, now);
    },
    applyElsewhere: (findings, subject) => {
      const told = words
        .about(subject.digests)
        .reduce((list, word) => applyWord(list, word, subject.inventory, now), [...findings]);
      return applyOwnStatements(applyVex(told, statements, subject, now), own, undefined, now);
    },
    key: (row) => {
      const { image, digest } = row;
      const said = standing(image);
      const ofBases = words.of(row);
      if (said.length === 0 && statements.length === 0 && ofBases.length === 0) return "";
      const byBases = ofBases.map(({ said: { base, digest: of, statements: list } }) => [
        base,
        of,
        standingOf(list, now),
      ]);
      const isOfDigest = statements.length > 0 || ofBases.length > 0;
      return sha256(JSON.stringify([said, digestOfDocuments, byBases, isOfDigest ? [image, digest] : ""]));
    },
  };
}

function standingOf(statements: BaseVex["statements"], now: Instant): BaseVex["statements"] {
  return statements.filter(({ expires }) => expires === undefined || expires > now);
}

/** What a base's owner says is about what the base brought, and nothing else in the image. */
function applyWord(findings: readonly Finding[], { said, layers }: BaseWord, inventory: Inventory, now: Instant) {
  const { registry, repository } = parseReference(said.base);
  const subject = { digests: said.digests, repositories: [`${registry}/${repository}`], inventory };
  const platform = formatPlatform(inventory.platform);
  const brought = new Set(layers === "all" ? [] : layers[platform]);
  const isOfBase = ({ layer }: Finding): boolean => layers === "all" || (layer !== undefined && brought.has(layer));
  const told = applyVex(findings.filter(isOfBase), said.statements, subject, now).values();
  return findings.map((finding) => (isOfBase(finding) ? (told.next().value ?? finding) : finding));
}

/** What the owners of the bases of these digests say: of those that an image is made of itself, and of those that its own bases are. The furthest first. */
async function loadBaseWords(store: Store, rows: Iterable<ImageDigest>): Promise<BaseWords> {
  const said = (await store.loadBaseVex()).filter(({ statements }) => statements.length > 0);
  if (said.length === 0) return { of: () => [], about: () => [] };
  const byDigest = Map.groupBy(said, ({ digest }) => digest);
  const known = new Map<Digest, ImageDigest>();
  let wanted = new Set([...rows].flatMap(madeOf));
  for (let level = 0; level < mostLevels && wanted.size > 0; level += 1) {
    const next = await store.loadDigests([...wanted].filter((digest) => !byDigest.has(digest)));
    for (const row of next) known.set(row.digest, row);
    wanted = new Set(next.flatMap(madeOf).filter((digest) => !known.has(digest)));
  }
  const wordsOf = (row: ImageDigest, above: Layers | undefined, level: number): BaseWord[] => {
    const stand = standOf(row);
    // Of an image that is wholly its base's, what stands above it is so as far as it is of that image.
    const layers = stand?.layers === "all" ? (above ?? "all") : stand?.layers;
    if (stand === undefined || layers === undefined) return [];
    const words = (byDigest.get(stand.digest) ?? []).filter(({ base }) => base === stand.name);
    const below = known.get(stand.digest);
    const deeper = below === undefined || level === 0 ? [] : wordsOf(below, layers, level - 1);
    return [...deeper, ...words.map((one) => ({ said: one, layers }))];
  };
  return {
    of: (row) => wordsOf(row, undefined, mostLevels),
    about: (digests) =>
      said
        .filter((one) => one.digests.some((digest) => digests.includes(digest)))
        .map((one) => ({ said: one, layers: "all" })),
  };
}

function madeOf(row: ImageDigest): Digest[] {
  const stand = standOf(row);
  return stand === undefined ? [] : [stand.digest];
}

/** What an image stands on, and which of its layers are that. Of bases of builder stages nothing is in it. */
function standOf(
  row: ImageDigest,
): { readonly name: string; readonly digest: Digest; readonly layers: Layers | undefined } | undefined {
  const origin = originOf(row);
  if (origin === undefined) return undefined;
  const names = Object.keys(origin.bases);
  // What was made before that was written down.
  const name = origin.standsOn ?? (names.length === 1 ? names[0] : undefined);
  const digest = name === undefined ? undefined : origin.bases[name];
  if (name === undefined || digest === undefined) return undefined;
  const isWhole = origin.remedy === "mirror" || origin.remedy === "patch";
  return { name, digest, layers: isWhole ? "all" : origin.baseLayers };
}

function originOf({ detail }: ImageDigest): CandidateOrigin | undefined {
  return detail["origin"] as CandidateOrigin | undefined;
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
