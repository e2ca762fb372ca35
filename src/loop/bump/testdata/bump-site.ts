import { rm } from "node:fs/promises";
import { afterAll, beforeAll } from "vitest";
import { forgeToken, startForge } from "../../../../test/fakes/fake-forge.ts";
import type { Cure, SeverityLevel } from "../../../core/remedy/index.ts";
import { createBumper, type Bumper } from "../../../io/bump/index.ts";
import { createForge, type Forge } from "../../../io/forge/index.ts";
import { createBranchWriter, createGit, publicUrl } from "../../../io/git/index.ts";
import { makeRepository, temporaryFolder, type Content } from "../../../io/git/testdata/repository.ts";
import { openStore, type Store } from "../../../io/store/index.ts";
import { manualClock, sha256, silentLogger, type Clock } from "../../../lib/index.ts";
import { createPgliteDir, emptyStore, testStart } from "../../../../test/fakes/stores.ts";
import {
  createTestContext,
  openTestRegistry,
  testConfig,
  type TestRegistry,
} from "../../../serve/operations/testdata/test-fleet.ts";
import type { Context } from "../../context.ts";

/** What the newest pass found wrong: `minimist 1.2.5`, cured by 1.2.6. */
export interface FoundWrong {
  readonly image?: string;
  readonly type: Cure["type"];
  readonly package: string;
  readonly from: string;
  readonly to: string;
  readonly ids?: readonly string[];
  readonly severity?: SeverityLevel;
  readonly exploited?: boolean;
}

interface SiteOptions {
  readonly kind?: Forge["kind"];
  /** Of the repository's first commit. */
  readonly files: Readonly<Record<string, Content>>;
  /** Keys of `bump:` beside who is asked. */
  readonly rules?: string;
  /** Pushes to the branch instead of asking. */
  readonly commits?: boolean;
  /** In place of the package managers of this machine. */
  readonly bumper?: Bumper;
}

/** Sites on one store, in the block that calls it; all are closed after its last test. */
export function bumpSites(files: () => SiteOptions["files"]) {
  const clock = manualClock(testStart);
  const ends: (() => Promise<unknown>)[] = [];
  let world: { readonly store: Store; readonly registry: TestRegistry } | undefined;
  beforeAll(async () => {
    const dir = await createPgliteDir();
    const store = await openStore({ dir }, { clock, log: silentLogger() });
    const registry = await openTestRegistry();
    ends.push(() => rm(dir, { recursive: true, force: true }), () => store.close(), () => registry.close());
    world = { store, registry };
  }, 120_000);
  afterAll(async () => {
    for (const end of ends.reverse()) await end();
  }, 60_000);
  return async (options: Partial<SiteOptions> = {}) => {
    if (world === undefined) throw new Error("the store is open within a test only");
    const { store, registry } = world;
    await emptyStore(store);
    const connection = await store.engine.acquire();
    try {
      await connection.script("truncate bump");
    } finally {
      await store.engine.release(connection);
    }
    const site = await openBumpSite(store, clock, registry, { files: files(), ...options });
    ends.push(site.close);
    return { ...site, store, clock };
  };
}

/** A bare repository that two images are made from, a person with a clone of it, a forge that shows it, and a context whose findings are what a test says. */
async function openBumpSite(store: Store, clock: Clock, registry: TestRegistry, options: SiteOptions) {
  const { kind = "github", files, rules = "", commits = false } = options;
  const person = await makeRepository();
  const [bare, dir] = [await temporaryFolder(), await temporaryFolder()];
  await person.commit(files);
  person.git("clone", "--quiet", "--bare", person.folder, bare);
  person.git("remote", "add", "origin", bare);
  const git = (...args: string[]): string => person.git(`--git-dir=${bare}`, ...args);
  const branches = (): string[] => git("branch", "--format=%(refname:short)").split("\n");
  const fake = await startForge(kind, (branch) => branches().includes(branch));
  const asks = commits
    ? "commit: true"
    : `pullRequest: { provider: ${kind}, api: "${fake.api}", repository: acme/stack, labels: [tidemill] }`;
  const author = "author: { name: Tidemill, email: tidemill@shop.example }";
  const imageText = (name: string): string =>
    `  ${name}: { recipe: dockerfile, git: { url: "${bare}", ref: main }, bump: { ${[asks, author, rules].filter((one) => one !== "").join(", ")} } }\n`;
  const config = testConfig((text) => text.replace(/images:[\s\S]*$/, `images:\n${["shop", "jobs"].map(imageText).join("")}`));
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent" };
  await store.saveImages(
    ["shop", "jobs"].map((name) => ({ name, repository: name, definition: {}, recipeKey: "1", parents: [] })),
  );
  const ctx: Context = {
    ...createTestContext(store, clock, registry, { config }),
    bumps: {
      git: createGit({ dir: `${dir}/trees`, env }),
      branches: createBranchWriter({ dir: `${dir}/branches`, env }),
      bumper: options.bumper ?? createBumper({ dir: `${dir}/tools`, env: process.env }),
      forgeOf: ({ rules: { pullRequest } }) =>
        pullRequest && createForge({ kind, api: fake.api, repository: "acme/stack", token: forgeToken }),
      publicUrl,
    },
  };
  return {
    ctx,
    fake,
    git,
    branches,
    dir,
    /** Has a pass find this, and nothing else. */
    find: (...found: readonly FoundWrong[]) => findWrong(store, found),
    /** A commit of a person's on a branch. */
    commit: (changed: Readonly<Record<string, Content>>, branch = "main") =>
      inClone(person, branch, () => person.commit(changed)),
    /** Merges as the button of a forge does it. */
    merge: async (number: number, head: string) => {
      await inClone(person, "main", () => {
        person.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request", `origin/${head}`);
        return Promise.resolve();
      });
      fake.end(number, "merged", "ada");
    },
    revert: () =>
      inClone(person, "main", () => {
        const parents = person.git("rev-list", "--parents", "-1", "HEAD").split(" ").length - 1;
        person.git("revert", "--no-edit", ...(parents > 1 ? ["-m", "1"] : []), "HEAD");
        return Promise.resolve();
      }),
    close: async () => {
      await fake.close();
      for (const folder of [person.folder, bare, dir]) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function inClone(
  person: Awaited<ReturnType<typeof makeRepository>>,
  branch: string,
  work: () => Promise<unknown>,
): Promise<void> {
  person.git("fetch", "--quiet", "--prune", "origin");
  person.git("checkout", "--quiet", "-B", branch, `origin/${branch}`);
  await work();
  person.git("push", "--quiet", "origin", `HEAD:${branch}`);
}

/** What a pass finds, and nothing else. */
export async function findWrong(store: Store, found: readonly FoundWrong[]): Promise<void> {
  const images = ["shop", "jobs"].map((image) => ({
    image,
    digest: sha256(image),
    state: "known" as const,
    reasons: [],
    cures: found.filter((one) => (one.image ?? "shop") === image).map(cureOf),
  }));
  await store.saveImageRemedies(images);
}

function cureOf({ type, package: name, from, to, ids = ["GHSA-aaaa"], severity = "critical", exploited = false }: FoundWrong): Cure {
  return {
    ids,
    named: ids.map((id) => ({ id, severity, exploited, fixed: to })),
    findings: ids.length,
    source: name,
    packages: [name],
    architectures: ["amd64"],
    type,
    version: from,
    path: `/srv/${name}`,
    severity,
    exploited,
    remedy: {
      kind: "bump-source",
      image: "shop",
      offered: { version: to, from: "GHSA-aaaa", since: undefined },
      file: undefined,
      declared: undefined,
      isCompatible: true,
      dependants: [],
    },
  };
}
