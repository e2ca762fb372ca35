import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createFleetOperations } from "../../src/fleet-operations.ts";
import { openFleet, type Fleet } from "../../src/fleet.ts";
import { systemClock, type Clock, type Digest, type Instant } from "../../src/lib/index.ts";
import type { Operations, ProgressEvent, Run, Status } from "../../src/operation/index.ts";
import { createDebianArchive, type DebianArchive, type PublishOptions } from "../fakes/debian-archive.ts";
import { makeDeb, type DebEntry, type DebSpec } from "../fakes/make-deb.ts";
import { publicKeyOf, type SuiteSpec } from "../fakes/make-suite.ts";
import { createPgliteDir } from "../fakes/stores.ts";
import { runTidemill, type Ended, type RunOptions } from "../quickstart/run-quickstart.ts";

export const minute = 60_000;
export const hour = 60 * minute;

type Document = Record<string, unknown>;

/** What differs from the usual configuration of a small fleet. */
export interface Change {
  readonly images?: Readonly<Record<string, Document>>;
  readonly environments?: readonly Document[];
  readonly deployments?: Readonly<Record<string, Document>>;
  readonly policies?: Document;
  /** The release alone without them. */
  readonly suites?: readonly string[];
  readonly registry?: Document;
  readonly notifications?: Document;
  readonly webhooks?: Document;
  readonly server?: Document;
  readonly watch?: Document;
  readonly feeds?: Document | readonly Document[];
  readonly vex?: readonly string[];
  readonly engine?: Document;
  readonly bases?: Document;
  readonly evidence?: Document;
}

/** A fleet on an archive that is made up, in folders of its own. */
export interface SmallFleet {
  readonly archive: DebianArchive;
  readonly folder: string;
  readonly configPath: string;
  readonly dataDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Writes the configuration anew. */
  readonly configure: (change: Change) => Promise<void>;
  /** A new generation of a suite: the release where no other is named. */
  readonly publish: (
    packages: readonly DebSpec[],
    change?: Partial<SuiteSpec>,
    options?: PublishOptions,
  ) => Promise<void>;
  /** Opens it in this process. */
  readonly open: () => Promise<OpenFleet>;
  /** Runs a command in a process of its own. */
  readonly tidemill: (args: readonly string[], options?: RunOptions) => Promise<Ended>;
  readonly remove: () => Promise<void>;
}

/** A small fleet that is open in this process, with a clock that can be put forward. */
export interface OpenFleet {
  readonly fleet: Fleet;
  readonly operations: Operations;
  readonly events: ProgressEvent[];
  readonly clock: JumpingClock;
  readonly run: (images?: readonly string[]) => Promise<Run>;
  /** What an environment names, in the store. */
  readonly pointer: (image: string, environment?: string) => Promise<Digest | undefined>;
  /** What an environment's tag names, in the registry. */
  readonly tag: (image: string, environment?: string) => Promise<Digest | undefined>;
  /** Version of a package in what an environment names; undefined where it is not there. */
  readonly version: (image: string, name: string, environment?: string) => Promise<string | undefined>;
  readonly alarms: () => Promise<Status["alarms"]>;
  readonly close: () => Promise<void>;
}

export interface JumpingClock extends Clock {
  /** Puts it forward by so many milliseconds. */
  jump(ms: number): void;
  /** Sets the time of day by so many milliseconds, as a person or a time server does: no time goes by. */
  set(ms: number): void;
}

/** The machine's clock, until it is put forward. */
export function jumpingClock(): JumpingClock {
  let offset = 0;
  let wrong = 0;
  const start = randomUUID();
  return {
    now: () => systemClock.now() + offset + wrong,
    steady: () => ({ start, ms: performance.now() + offset }),
    set: (ms) => void (wrong += ms),
    sleep: (ms, signal) => systemClock.sleep(ms, signal),
    jump: (ms) => void (offset += ms),
  };
}

const base = ["small-base", "libsmall1"];
const usualImages = {
  "small-root": { packages: base, entrypoint: ["/usr/bin/small-serve"] },
  "small-app": { parent: "small-root", packages: ["small-tool"], entrypoint: ["/usr/bin/small-tool"] },
  "small-alone": { packages: ["small-gauge"], entrypoint: ["/usr/bin/small-gauge"] },
};

/** Starts the archive and writes a configuration of three images: a parent, its child, and one that stands apart. Nothing is published yet. */
export async function createSmallFleet(
  change: Change = {},
  env: Readonly<Record<string, string>> = {},
): Promise<SmallFleet> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-faults-"));
  const archive = await createDebianArchive();
  const configPath = join(folder, "tidemill.yaml");
  const dataDir = env["DATABASE_URL"] === undefined ? await createPgliteDir() : join(folder, "data");
  await mkdir(dataDir, { recursive: true });
  await writeFile(join(folder, "key.gpg"), publicKeyOf(archive.key));
  const whole = { DOCKER_HOST: "unix:///nonexistent.sock", ...env, HOME: folder, NO_COLOR: "1" };
  // As an archive's dates do, they only go forward.
  let dated = Math.floor(Date.now() / 1000) * 1000 - 24 * hour;
  const one: SmallFleet = {
    archive,
    folder,
    configPath,
    dataDir,
    env: whole,
    configure: async (next) => writeFile(configPath, JSON.stringify(configOf(archive, next), null, 2)),
    publish: async (packages, spec = {}, options = {}) => {
      dated += minute;
      const debs = await Promise.all(packages.map(makeDeb));
      await archive.publish({ suite: "small", date: dated, packages: debs, packings: ["gz"], ...spec }, options);
    },
    open: () => openSmall(one),
    tidemill: (args, options = {}) =>
      runTidemill([...args, "--config", configPath, "--data", dataDir], {
        ...options,
        env: { TIDEMILL_DEBIAN_MIRROR: undefined, DATABASE_URL: undefined, ...whole, ...options.env },
      }),
    remove: async () => {
      await archive.close();
      await rm(folder, { recursive: true, force: true });
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  await one.configure(change);
  return one;
}

function configOf(archive: DebianArchive, change: Change): Document {
  const images = Object.entries({ ...usualImages, ...change.images }).map(([name, image]) => [
    name,
    { recipe: "packages", upstream: "small", ...image },
  ]);
  return {
    version: 1,
    upstreams: {
      small: {
        kind: "debian",
        codename: "small",
        suites: change.suites ?? ["release"],
        mirror: archive.url,
        keyrings: ["key.gpg"],
      },
    },
    environments: change.environments ?? [{ name: "staging" }, { name: "production" }],
    policies: { coolDown: "0s", ...change.policies },
    ...(change.deployments === undefined ? {} : { deployments: change.deployments }),
    ...(change.registry === undefined ? {} : { registry: change.registry }),
    ...(change.notifications === undefined ? {} : { notifications: change.notifications }),
    ...(change.webhooks === undefined ? {} : { webhooks: change.webhooks }),
    ...(change.watch === undefined ? {} : { watch: change.watch }),
    ...(change.feeds === undefined ? {} : { feeds: change.feeds }),
    ...(change.vex === undefined ? {} : { vex: change.vex }),
    ...(change.engine === undefined ? {} : { engine: change.engine }),
    ...(change.bases === undefined ? {} : { bases: change.bases }),
    ...(change.evidence === undefined ? {} : { evidence: change.evidence }),
    server: { listen: "127.0.0.1:0", ...change.server },
    images: Object.fromEntries(images) as Document,
  };
}

async function openSmall({ configPath, dataDir, env }: SmallFleet): Promise<OpenFleet> {
  const events: ProgressEvent[] = [];
  const clock = jumpingClock();
  const { DOCKER_HOST: before } = process.env;
  // The engine is looked for as its own tools do it.
  process.env["DOCKER_HOST"] = env["DOCKER_HOST"];
  const fleet = await openFleet({ configPath, dataDir, env, clock, onEvent: (event) => void events.push(event) });
  if (before === undefined) delete process.env["DOCKER_HOST"];
  else process.env["DOCKER_HOST"] = before;
  const operations = createFleetOperations(fleet, { env, configPath, serving: undefined });
  const { store } = fleet.ctx;
  const pointer = async (image: string, environment = "production"): Promise<Digest | undefined> =>
    (await store.loadPointers(image)).find((row) => row.environment === environment)?.digest ?? undefined;
  return {
    fleet,
    operations,
    events,
    clock,
    run: (images) => operations.run(images === undefined ? {} : { images: [...images] }),
    pointer,
    tag: async (image, environment = "production") =>
      (await fleet.ctx.repositoryOf(image).resolve(environment))?.digest,
    version: async (image, name, environment) => {
      const digest = await pointer(image, environment);
      const row = digest === undefined ? undefined : await store.loadImageDigest(image, digest);
      const inventories = await store.loadInventories(Object.values(row?.inventories ?? {}));
      return [...inventories.values()].flatMap(({ packages }) => packages).find((found) => found.name === name)
        ?.version;
    },
    alarms: async () => (await operations.status({})).alarms,
    close: () => fleet.close(),
  };
}

/** The packages of the small fleet, each at version 1.0-1 where no other is named. */
export function smallPackages(versions: Readonly<Record<string, string>> = {}): DebSpec[] {
  const at = (name: string): string => versions[name] ?? "1.0-1";
  const program = (name: string, version: string): DebEntry => ({
    path: `usr/bin/${name}`,
    content: `\x7fELF is what it says it is; ${name} ${version}\n`,
    mode: 0o755,
  });
  return [
    {
      name: "small-base",
      version: at("small-base"),
      architecture: "all",
      entries: [
        { path: "usr/share/base-passwd/passwd.master", content: "root:*:0:0:root:/root:/usr/sbin/nologin\n" },
        { path: "usr/share/base-passwd/group.master", content: "root:*:0:\n" },
        { path: "tmp", kind: "directory", mode: 0o1777 },
      ],
    },
    {
      name: "libsmall1",
      version: at("libsmall1"),
      entries: [
        { path: "usr/lib/small/tables", content: `tables of ${at("libsmall1")}\n` },
        program("small-serve", at("libsmall1")),
      ],
    },
    {
      name: "small-tool",
      version: at("small-tool"),
      fields: { Depends: "libsmall1 (>= 1.0), small-base" },
      entries: [program("small-tool", at("small-tool"))],
    },
    { name: "small-gauge", version: at("small-gauge"), entries: [program("small-gauge", at("small-gauge"))] },
  ];
}

/** `packages`, of which `name` became one whose program is a link to a file that nobody ships. */
export function withBroken(packages: readonly DebSpec[], name: string): DebSpec[] {
  return packages.map((one) =>
    one.name === name
      ? {
          ...one,
          entries: (one.entries ?? []).map((entry) =>
            entry.path.startsWith("usr/bin/")
              ? { path: entry.path, kind: "symlink" as const, link: "../libexec/gone" }
              : entry,
          ),
        }
      : one,
  );
}

/** Asks until `ask` has an answer; throws after `withinMs`. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, withinMs: number): Promise<T> {
  const end: Instant = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > end) throw new Error(`after ${withinMs} ms still not: ${what}`);
    await delay(100);
  }
}
