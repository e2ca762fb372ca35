import { link, mkdir, readFile, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  digestHex,
  messageOf,
  sha256,
  syncFolder,
  writeFileDurable,
  type Digest,
  type Instant,
} from "../../lib/index.ts";
import { createUniverse } from "../../core/packages/index.ts";
import { DistroError } from "./error.ts";
import { downloadFile, fetchDocument, type FetchContext } from "./fetch-file.ts";
import { parseRelease, type Release } from "./parse-release.ts";
import { suiteFolder } from "./suite-folder.ts";
import type { Refreshed, SuiteGeneration, SuiteSource } from "./types.ts";
import { unpack, type Packing } from "./unpack.ts";
import { verifyRelease } from "./verify-release.ts";

/** Sizes in bytes. */
export interface IndexLimits {
  readonly release: number;
  /** One Packages file, unpacked. */
  readonly index: number;
}

export const defaultIndexLimits: IndexLimits = { release: 16_777_216, index: 268_435_456 };

/** What stands in a suite's folder: the last good generation and what to ask the mirror with. */
interface Current {
  readonly generation: SuiteGeneration;
  readonly etag?: string | undefined;
  readonly modified?: string | undefined;
  readonly mirror: string;
}

const keptGenerations = 3;
const packings: readonly (readonly [ending: string, packing: Packing])[] = [
  [".xz", "xz"],
  [".zst", "zst"],
  [".gz", "gz"],
  ["", "none"],
];

/** The last good generation in a suite's folder. Throws BAD_INDEX where what says so is torn. */
export async function loadCurrent(folder: string): Promise<Current | undefined> {
  const path = join(folder, "current.json");
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Current;
  } catch (error) {
    // Taken as nothing, it would open the door to an older index.
    throw new DistroError("BAD_INDEX", `${path} is torn`, {
      hint: "Restore the file, or remove it: the suite is then fetched again, and its dates are believed anew.",
      cause: error,
    });
  }
}

/**
 * Asks the mirror for the suite. What is new is checked (signature, codename, dates, digests, sizes), laid beside what is there, and made current by one
 * rename: a reader sees the old generation or the new one. Debian repository format.
 */
export async function refreshSuite(
  root: string,
  source: SuiteSource,
  context: FetchContext & { readonly indexLimits: IndexLimits },
  signal?: AbortSignal,
): Promise<Refreshed> {
  const folder = suiteFolder(root, source.name);
  const now = context.clock.now();
  const held = await loadCurrent(folder);
  const url = `${source.mirror.replace(/\/+$/, "")}/dists/${source.suite}`;
  const isWhole = held !== undefined && (await hasAllIndices(held.generation, source));
  const conditions = isWhole && held.mirror === source.mirror ? held : {};
  const answer = await fetchDocument(`${url}/InRelease`, context.indexLimits.release, conditions, context, signal);
  if (answer.kind === "missing") {
    throw new DistroError("UNREACHABLE", `${url}/InRelease: the mirror has no such suite`, {
      hint: "Check the suite's name and the mirror's address.",
    });
  }
  if (answer.kind === "not-modified" && held !== undefined) {
    requireUnexpired(held.generation.validUntil, now, source.name);
    return { kind: "unchanged", generation: held.generation };
  }
  if (answer.kind === "not-modified")
    throw new DistroError("UNREACHABLE", `${url}/InRelease answers 304 to no condition`);
  const release = parseRelease(await verifyRelease(answer.bytes, source.keys, now, source.name), source.name);
  const digest = sha256(answer.bytes);
  requireTrusted(source, release, digest, held?.generation, now);
  const current = { etag: answer.etag, modified: answer.modified, mirror: source.mirror };
  if (isWhole && held.generation.digest === digest) {
    await writeFileDurable(join(folder, "current.json"), JSON.stringify({ ...current, generation: held.generation }));
    return { kind: "unchanged", generation: held.generation };
  }
  const place = join(folder, digestHex(digest).slice(0, 32));
  const indices: SuiteGeneration["indices"][number][] = [];
  try {
    await mkdir(place, { recursive: true });
    for (const component of source.components) {
      for (const architecture of source.architectures) {
        const index = { component, architecture, place, url, release, held: held?.generation };
        indices.push(await bringIndex(source, index, context, signal));
      }
    }
    await syncFolder(folder);
  } catch (error) {
    // Half a download that may go on is kept; what can come to nothing is not.
    const mayGoOn = signal?.aborted === true || (error instanceof DistroError && error.code === "UNREACHABLE");
    const isHeld = held?.generation.digest === digest;
    if (!mayGoOn && !isHeld) await rm(place, { recursive: true, force: true }).catch(() => undefined);
    throw error;
  }
  const { codename, date, validUntil } = release;
  const generation = { source: source.name, suite: source.suite, codename, date, validUntil, digest, indices };
  await writeFileDurable(join(folder, "current.json"), JSON.stringify({ ...current, generation }));
  await removeOld(folder, generation);
  return { kind: "updated", generation };
}

/** Whether every index that `source` wants is there, on disk too. */
async function hasAllIndices({ indices }: SuiteGeneration, source: SuiteSource): Promise<boolean> {
  const areNamed = source.components.every((component) =>
    source.architectures.every((architecture) =>
      indices.some((one) => one.component === component && one.architecture === architecture),
    ),
  );
  const found = await Promise.all(indices.map(({ path }) => stat(path).catch(() => undefined)));
  return areNamed && found.every((one) => one?.isFile() === true);
}

function requireUnexpired(validUntil: Instant | undefined, now: Instant, what: string): void {
  if (validUntil === undefined || now <= validUntil) return;
  throw new DistroError("INDEX_EXPIRED", `${what}: its index was valid until ${new Date(validUntil).toISOString()}`, {
    hint: "The mirror stands still, or somebody holds back what is new. Try another mirror. What was fetched before stays in use.",
  });
}

function requireTrusted(
  source: SuiteSource,
  release: Release,
  digest: Digest,
  held: SuiteGeneration | undefined,
  now: Instant,
): void {
  if (release.codename !== source.codename) {
    throw new DistroError(
      "WRONG_SUITE",
      `${source.name}: the mirror serves ${release.codename}, not ${source.codename}`,
      {
        hint: "A suite is pinned by its codename. Name the new codename when you want to move.",
      },
    );
  }
  requireUnexpired(release.validUntil, now, source.name);
  if (held === undefined || held.codename !== release.codename || held.digest === digest) return;
  if (release.date <= held.date) {
    const [offered, have] = [new Date(release.date).toISOString(), new Date(held.date).toISOString()];
    throw new DistroError("INDEX_OLDER", `${source.name}: the mirror offers ${offered}, we already hold ${have}`, {
      hint: "The mirror lags or replays. Try another mirror, or wait for it to catch up.",
    });
  }
}

interface WantedIndex {
  readonly component: string;
  readonly architecture: string;
  readonly place: string;
  readonly url: string;
  readonly release: Release;
  readonly held: SuiteGeneration | undefined;
}

async function bringIndex(
  source: SuiteSource,
  wanted: WantedIndex,
  context: FetchContext & { readonly indexLimits: IndexLimits },
  signal: AbortSignal | undefined,
): Promise<SuiteGeneration["indices"][number]> {
  const { component, architecture, place, url, release, held } = wanted;
  const name = `${component}/binary-${architecture}/Packages`;
  const what = `${source.name} ${name}`;
  const plain = release.files.get(name);
  if (plain === undefined) {
    throw new DistroError("BAD_INDEX", `${source.name}: its Release file does not name ${name}`, {
      hint: "Does the suite have this component and architecture? What was fetched before stays in use.",
    });
  }
  requireSize(what, plain.size, context.indexLimits.index);
  const path = join(place, component, `binary-${architecture}`, "Packages");
  const index = { component, architecture, path, sha256: plain.sha256 };
  await mkdir(dirname(path), { recursive: true });
  if ((await stat(path).catch(() => undefined))?.size === plain.size) return index;
  const same = held?.indices.find((one) => one.sha256 === plain.sha256);
  const isLinked = same !== undefined && (await linkWhole(same.path, path));
  if (isLinked) return index;
  const packed = `${path}.packed`;
  const packing = await bringPacked({ name, what, packed, url, release }, context, signal);
  const bytes = await unpack(await readFile(packed), packing, plain.size, what);
  if (bytes.byteLength !== plain.size || sha256(bytes) !== plain.sha256) {
    throw new DistroError("HASH_MISMATCH", `${what} unpacks to something else than the signed index promises`, {
      hint: "The archive itself is broken, or its key is in wrong hands. What was fetched before stays in use.",
    });
  }
  requireReadable(bytes, what, architecture);
  await writeFileDurable(path, bytes);
  await rm(packed, { force: true });
  return index;
}

/** Throws BAD_INDEX where an index that was signed cannot be read: it must not take the place of one that can. */
function requireReadable(bytes: Buffer, what: string, architecture: string): void {
  try {
    createUniverse(architecture, [{ origin: what, bytes }]);
  } catch (error) {
    throw new DistroError("BAD_INDEX", messageOf(error), {
      hint: "The archive signs an index that is broken. What was fetched before stays in use.",
      cause: error,
    });
  }
}

/** Whether `path` now names the file at `from`, so that a crash does not undo it. */
async function linkWhole(from: string, path: string): Promise<boolean> {
  try {
    await link(from, path);
  } catch {
    return false;
  }
  await syncFolder(dirname(path));
  return true;
}

interface PackedIndex {
  readonly name: string;
  readonly what: string;
  readonly packed: string;
  readonly url: string;
  readonly release: Release;
}

/** Downloads the index in the first way that the mirror has: the best packed first, by its digest before by its name. */
async function bringPacked(
  { name, what, packed, url, release }: PackedIndex,
  context: FetchContext & { readonly indexLimits: IndexLimits },
  signal: AbortSignal | undefined,
): Promise<Packing> {
  let missing: DistroError | undefined;
  for (const [ending, packing] of packings) {
    const path = name + ending;
    const file = release.files.get(path);
    if (file === undefined) continue;
    requireSize(`${what}${ending}`, file.size, context.indexLimits.index);
    const byHash = `${dirname(path)}/by-hash/SHA256/${digestHex(file.sha256)}`;
    for (const place of release.byHash ? [byHash, path] : [path]) {
      try {
        await downloadFile(`${url}/${place}`, packed, file, context, signal);
        return packing;
      } catch (error) {
        if (!(error instanceof DistroError) || error.code !== "MISSING") throw error;
        missing = error;
      }
    }
  }
  throw missing ?? new DistroError("BAD_INDEX", `${what} is offered in no way that is understood`);
}

function requireSize(what: string, size: number, limit: number): void {
  if (size <= limit) return;
  throw new DistroError("TOO_LARGE", `${what} has ${size} bytes, more than ${limit}`, {
    hint: "No index of Debian is so large. What was fetched before stays in use.",
  });
}

/** Removes all but the newest generations; what cannot be removed now goes next time. */
async function removeOld(folder: string, current: SuiteGeneration): Promise<void> {
  const names = await readdir(folder, { withFileTypes: true });
  const folders = await Promise.all(
    names
      .filter((one) => one.isDirectory() && one.name !== digestHex(current.digest).slice(0, 32))
      .map(async ({ name }) => ({ name, at: (await stat(join(folder, name))).mtimeMs })),
  );
  const old = folders.sort((a, b) => b.at - a.at).slice(keptGenerations - 1);
  await Promise.all(old.map(({ name }) => rm(join(folder, name), { recursive: true, force: true })));
}
