import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { BuildError, TarParser, mergePackages, type Alteration } from "../../../core/layer/index.ts";
import { createPlacer, type NewPackage, type Original, type Placer, type Swap } from "../../../core/patch/index.ts";
import { mapBounded } from "../gate.ts";
import { readMember, type Member } from "../member.ts";
import type { ConvertedPackage, PackageCache } from "../package-cache.ts";

const unpack = promisify(gunzip);
const loadsAtATime = 8;
const maxSteps = 12;
const maxInfo = 67_108_864;

/** A new version, converted so that it stands in one image. */
export interface LoadedSwap {
  readonly next: NewPackage;
  readonly converted: ConvertedPackage;
}

/** The new versions of `swaps`, each with its paths where the image has them, each path of one package only. Throws FILE_CONFLICT, and what converting throws. */
export async function loadSwaps(
  original: Original,
  swaps: readonly Swap[],
  cache: PackageCache,
  signal?: AbortSignal,
): Promise<LoadedSwap[]> {
  const placer = createPlacer(original);
  const first: readonly Alteration[] = original.isMerged ? [] : [{ without: [], moves: [], own: true }];
  let loaded = await mapBounded(swaps, loadsAtATime, (swap) => settle(swap, first, placer, cache, signal));
  for (let step = 0; ; step += 1) {
    const altered = mergePackages(loaded.map(({ next }) => next.facts));
    if (altered.size === 0) return loaded;
    if (step === maxSteps) throw unsettled([...altered.keys()]);
    loaded = await mapBounded(loaded, loadsAtATime, async (each) => {
      const alteration = altered.get(each.next.swap.name);
      if (alteration === undefined) return each;
      return settle(each.next.swap, [...each.next.steps, alteration], placer, cache, signal);
    });
  }
}

async function settle(
  swap: Swap,
  first: readonly Alteration[],
  placer: Placer,
  cache: PackageCache,
  signal: AbortSignal | undefined,
): Promise<LoadedSwap> {
  let steps = first;
  for (let step = 0; step <= maxSteps; step += 1) {
    signal?.throwIfAborted();
    const converted = await cache.load(swap.record, steps);
    const { facts, members } = converted;
    const next: NewPackage = { swap, facts, steps, files: await readInfo(members.info, swap.name) };
    const alteration = placer(next);
    if (alteration === undefined) return { next, converted };
    steps = [...steps, alteration];
  }
  throw unsettled([swap.name]);
}

function unsettled(names: readonly string[]): BuildError {
  return new BuildError(
    "FILE_CONFLICT",
    `links of the image and of these packages lead into one another: ${names.join(", ")}`,
  );
}

/** The files of a package in `info/` by their ending, one character a byte. */
async function readInfo(member: Member, name: string): Promise<Map<string, string>> {
  const pieces: Buffer[] = [];
  for await (const piece of readMember(member)) pieces.push(piece);
  const tar = await unpack(Buffer.concat(pieces), { maxOutputLength: maxInfo });
  const files = new Map<string, string>();
  let ending = "";
  let content: Buffer[] = [];
  const parser = new TarParser(
    {
      begin: ({ path }) => {
        ending = path.slice(path.lastIndexOf(".") + 1);
        content = [];
      },
      data: (chunk) => void content.push(Buffer.from(chunk)),
      end: () => void files.set(ending, Buffer.concat(content).toString("latin1")),
    },
    `the control files of ${name}`,
  );
  parser.push(tar);
  parser.finish();
  return files;
}
