import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Agent } from "undici";
import type { SuiteRequest } from "../../core/inventory/index.ts";
import {
  createDistro,
  defaultFetchLimits,
  DistroError,
  findMirrors,
  shippedKeyring,
  type Distro,
  type SuiteGeneration,
  type SuiteSource,
} from "../../io/distro/index.ts";
import { guardedConnector, RegistryError } from "../../io/registry/index.ts";
import { messageOf, printable, type Clock, type Instant } from "../../lib/index.ts";
import { readChangelog } from "../../loop/build/index.ts";
import type { SuiteOffers } from "../../loop/match/index.ts";
import { hostOf, requireNames, suitesToAsk, wantSuite, type WantedSuite } from "./want-suites.ts";

export interface SuiteFinderDeps {
  /** For generations of suites; what is in it can be made again. */
  readonly cacheDir: string;
  readonly clock: Clock;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Folder of the system's apt configuration. */
  readonly aptFolder: string;
  /** The keys that may sign a release; throws where there are none. */
  readonly keysOf: (codename: string) => Promise<readonly Uint8Array[]>;
}

/** One suite that was asked, or was to be. */
export interface AskedSuite {
  readonly name: string;
  readonly date: Instant | undefined;
  /** Why what it offers now is not known. */
  readonly problem: string | undefined;
  /** Whether it looks as if nothing came any more. */
  readonly isQuiet: boolean;
}

/** Finds what Debian's suites offer for images whose word is not to be trusted. */
export interface SuiteFinder {
  /** Throws where no suite at all can be had. */
  find(request: SuiteRequest, signal?: AbortSignal): Promise<SuiteOffers>;
  /** Every suite that was asked so far. */
  asked(): readonly AskedSuite[];
  /** What its users should know, one sentence each. */
  notes(): readonly string[];
  close(): Promise<void>;
}

/** Mirrors that an image names get one quick try: there is another way. */
const foreignLimits = { ...defaultFetchLimits, idleMs: 10_000, attempts: 1 };
/** A security suite that had nothing new for so long, in milliseconds, is one that nobody cares for. */
const quietMs = 30 * 86_400_000;
const ownLimits = { ...defaultFetchLimits, attempts: 2 };

/**
 * Asks the mirrors that an image names, then the system's. Only what Debian has signed is believed, wherever it comes from; an address that an image names
 * is asked only where it is public, or is a host that the system itself trusts with its packages.
 */
export function createSuiteFinder(deps: SuiteFinderDeps): SuiteFinder {
  const { cacheDir, clock } = deps;
  const guarded = new Agent({ connect: guardedConnector({}) });
  const distros = new Map<string, Distro>();
  const asked = new Map<string, AskedSuite>();
  const notes = new Set<string>();
  const answered = new Map<string, { readonly distro: Distro; readonly source: SuiteSource }>();

  /** One folder for each set of indices: a generation holds those of one architecture. */
  const distroOf = ({ architectures, components }: SuiteSource, isForeign: boolean): Distro => {
    const dir = join(cacheDir, "suites", `${architectures.join("+")}_${components.join("+")}`);
    const key = `${isForeign} ${dir}`;
    const known = distros.get(key);
    if (known !== undefined) return known;
    const distro = isForeign
      ? createDistro({ dir, clock, fetchLimits: foreignLimits, dispatcher: guarded })
      : createDistro({ dir, clock, fetchLimits: ownLimits });
    distros.set(key, distro);
    return distro;
  };

  const ask = async (wanted: WantedSuite, signal?: AbortSignal): Promise<SuiteGeneration | undefined> => {
    const { suite, places } = wanted;
    const failures: string[] = [];
    for (const { source, isForeign } of places) {
      try {
        const distro = distroOf(source, isForeign);
        const { generation } = await distro.refresh(source, signal);
        answered.set(generation.source, { distro, source });
        if (failures.length > 0)
          notes.add(`${suite}: ${hostOf(source.mirror)} was asked instead: ${failures.join("; ")}`);
        asked.set(suite, { name: suite, ...judge(suite, generation.date, clock.now()) });
        return generation;
      } catch (error) {
        signal?.throwIfAborted();
        failures.push(
          isRefusedAddress(error)
            ? `${hostOf(source.mirror)} is not a public address`
            : withoutSecrets(messageOf(error)),
        );
      }
    }
    const [first] = places;
    const held = first && (await distroOf(first.source, first.isForeign).generation(first.source.name));
    const problem = failures.join("; ") || "no mirror is known for it";
    const used = held === undefined ? "" : "; compared with what it last offered";
    asked.set(suite, { name: suite, date: held?.date, problem: printable(`${problem}${used}`), isQuiet: false });
    return held;
  };

  return {
    find: async (request, signal) => {
      const { codename, architecture } = requireNames(request);
      const keys = await deps.keysOf(codename);
      const system = await findMirrors({}, deps.env, deps.aptFolder).catch(() => undefined);
      const wanted = suitesToAsk(request, notes).map((suite) => wantSuite(suite, request, keys, system));
      const generations = await Promise.all(wanted.map((one) => ask(one, signal)));
      const found = generations.filter((one) => one !== undefined);
      const [some] = distros.values();
      if (found.length === 0 || some === undefined) {
        const problems = wanted.flatMap(({ suite }) => asked.get(suite)?.problem ?? []);
        throw new DistroError(
          "UNREACHABLE",
          `no suite of ${codename} can be compared with: ${problems[0] ?? "none is named"}`,
          {
            hint: "Set TIDEMILL_DEBIAN_MIRROR to a mirror that has the release.",
          },
        );
      }
      const universe = await some.universe(found, architecture);
      return {
        universe,
        since: new Map(found.map(({ source, date }) => [source, date])),
        readChangelog: async (record, stop) => {
          const from = answered.get(record.origin);
          if (from === undefined) return undefined;
          return readChangelog(record.name, await from.distro.fetchPackage(record, from.source, stop));
        },
      };
    },
    asked: () => [...asked.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    notes: () => [...notes],
    close: () => guarded.destroy(),
  };
}

/** A security suite has something new every few days for as long as its release is supported. */
function judge(suite: string, date: Instant, now: Instant): Omit<AskedSuite, "name"> {
  const isQuiet = suite.endsWith("-security") && now - date > quietMs;
  const day = new Date(date).toISOString().slice(0, 10);
  const problem = isQuiet
    ? `it has offered nothing new since ${day}: the release may be past its end of life`
    : undefined;
  return { date, problem, isQuiet };
}

/** The keys of a Debian release: those that are shipped, else those of the system's own keyring. */
export async function debianKeys(codename: string): Promise<readonly Uint8Array[]> {
  if (codename === "bookworm" || codename === "trixie") return [await readFile(shippedKeyring(codename))];
  const path = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const system = await readFile(path).catch(() => undefined);
  if (system !== undefined) return [system];
  throw new DistroError("BAD_SIGNATURE", `no keys are known that sign ${codename}`, {
    hint: "Install the package debian-archive-keyring.",
  });
}

/** Addresses without the user and password that a mirror of the system may have. */
function withoutSecrets(message: string): string {
  return message.replaceAll(/\/\/[^/@\s]*@/g, "//");
}

function isRefusedAddress(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause)
    if (at instanceof RegistryError && at.code === "REFUSED_ADDRESS") return true;
  return false;
}
