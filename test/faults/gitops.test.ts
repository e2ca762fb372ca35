import { rm } from "node:fs/promises";
import { describe, expect } from "vitest";
import type { Digest } from "../../src/lib/index.ts";
import { makeRepository, noGit, temporaryFolder } from "../../src/io/git/testdata/repository.ts";
import { forgeToken, startForge, type FakeForge } from "../fakes/fake-forge.ts";
import { needs } from "../needs.ts";
import { smallFleets } from "./fixture.ts";
import { expectInvariants } from "./invariants.ts";
import { smallPackages } from "./small-fleet.ts";

const fleets = smallFleets();
const real = needs(noGit);

/** Three images in production, of which a file in a bare repository names the one that stands apart. */
async function startNamed(more: (bare: () => string) => Promise<object> = () => Promise.resolve({})) {
  const person = await makeRepository();
  const bare = await temporaryFolder();
  fleets.onEnd(() =>
    Promise.all([person.folder, bare].map((path) => rm(path, { recursive: true }))).then(() => undefined),
  );
  await person.commit({
    "stack.yaml": "# the shop\r\nservices:\r\n  alone: {image: 'mirror.example/small-alone:1'} # ours\r\n",
  });
  person.git("clone", "--quiet", "--bare", person.folder, bare);
  person.git("remote", "add", "origin", bare);
  const git = (...args: string[]): string => person.git(`--git-dir=${bare}`, ...args);
  const gitops = {
    url: bare,
    files: ["stack.yaml"],
    ...(await more(() => git("branch", "--format=%(refname:short)"))),
  };
  const shop = { environment: "production", images: ["small-alone"], registry: "mirror.example", gitops };
  const small = await fleets.create({ deployments: { shop } }, { TIDEMILL_FORGE_TOKEN: forgeToken });
  const started = await fleets.open(small);
  return {
    ...started,
    commits: () => Number(git("rev-list", "--count", "main")),
    named: () => /@(sha256:[0-9a-f]{64})/.exec(git("show", "main:stack.yaml"))?.[1] as Digest | undefined,
    file: () => git("show", "main:stack.yaml"),
    /** What a person does in a clone that is up to date. */
    inClone: (work: (git: (...args: string[]) => string) => void) => {
      person.git("fetch", "--quiet", "origin");
      person.git("reset", "--quiet", "--hard", "origin/main");
      work((...args) => person.git(...args));
      person.git("push", "--quiet", "origin", "HEAD:main");
    },
    person,
    publish: (version: string) => small.publish(smallPackages({ "small-gauge": version })),
  };
}

describe("FAULTS 28: a branch that names what runs", () => {
  real(
    "gets one commit for each move and none without; a person's revert is obeyed and held",
    async () => {
      const started = await startNamed();
      const { run, pointer, tag, named, file, commits, publish, operations, inClone } = started;
      await run();
      const good = await pointer("small-alone");
      expect(file()).toBe(`# the shop\r\nservices:\r\n  alone: {image: 'mirror.example/small-alone:1@${good}'} # ours`);
      await run();
      expect(commits()).toBe(2);

      await publish("1.0-2");
      await run();
      const left = await pointer("small-alone");
      expect(left).not.toBe(good);
      expect(named()).toBe(left);
      expect(commits()).toBe(3);

      inClone((git) => git("revert", "--no-edit", "HEAD"));
      expect(named()).toBe(good);
      await run();
      expect([await pointer("small-alone"), await tag("small-alone"), named()]).toEqual([good, good, good]);
      const status = await operations.status({ image: "small-alone" });
      expect(status.holds).toMatchObject([{ environment: "production", setBy: "person", by: "somebody, at shop" }]);
      expect(status.quarantines).toMatchObject([{ digest: left }]);
      await publish("1.0-3");
      await run();
      expect(named()).toBe(good);
      expect(commits()).toBe(4);
      await expectInvariants(started);
    },
    120_000,
  );

  real(
    "what a person makes it name is never overwritten until a person says so",
    async () => {
      const started = await startNamed();
      const { run, pointer, named, publish, operations, alarms, person, inClone, file } = started;
      await run();
      const foreign = `sha256:${"1".repeat(64)}`;
      const stack = file().replace(/sha256:[0-9a-f]{64}/, foreign);
      inClone(() => undefined);
      await person.commit({ "stack.yaml": stack });
      person.git("push", "--quiet", "origin", "HEAD:main");
      await publish("1.0-2");
      await run();
      expect(named()).toBe(foreign);
      expect(await alarms()).toMatchObject([{ code: "deploy-conflict", message: expect.stringContaining(foreign) }]);
      const ask = { image: "small-alone", environment: "production", by: "ada", reason: "it is ours" };
      expect(await operations.deploy(ask)).toMatchObject({
        kind: "asked",
        deployments: [{ name: "shop", runs: true }],
      });
      expect(named()).toBe(await pointer("small-alone"));
      await expectInvariants(started);
    },
    120_000,
  );
});

describe("a branch that only takes pull requests", () => {
  real(
    "is deployed from when a person merges; one that is closed takes the environment back",
    async () => {
      let forge: FakeForge | undefined;
      const started = await startNamed(async (branches) => {
        const made = await startForge("gitlab", (branch) => branches().split("\n").includes(branch));
        forge = made;
        fleets.onEnd(made.close);
        return { pullRequest: { provider: "gitlab", api: made.api, repository: "acme/stack" } };
      });
      const { run, pointer, named, publish, operations, inClone, commits, alarms } = started;
      const merge = (number: number): void => {
        inClone((git) => git("merge", "--quiet", "--no-ff", "-m", "Merge", "origin/tidemill/shop/small-alone"));
        forge?.end(number, "merged", "ada");
      };
      const deployment = async () =>
        (await operations.status({ image: "small-alone" })).images[0]?.environments.at(-1)?.deployments;
      await run();
      const good = await pointer("small-alone");
      expect([named(), commits()]).toEqual([undefined, 1]);
      expect(await deployment()).toMatchObject([
        { name: "shop", waiting: "https://gitlab.example/acme/stack/-/merge_requests/1 waits to be merged" },
      ]);
      expect(await alarms()).toEqual([]);
      merge(1);
      await run();
      expect(named()).toBe(good);
      expect(await deployment()).toMatchObject([{ name: "shop", digest: good, waiting: null }]);

      await publish("1.0-2");
      await run();
      const next = await pointer("small-alone");
      expect([next === good, named()]).toEqual([false, good]);
      expect(forge?.pulls).toMatchObject([{ state: "merged" }, { state: "open" }]);
      // Who is asked again does not ask the person again.
      await run();
      expect(forge?.pulls).toHaveLength(2);
      merge(3);
      await run();
      expect(named()).toBe(next);

      await publish("1.0-3");
      await run();
      const bad = await pointer("small-alone");
      forge?.end(5, "closed", "bob");
      await run();
      expect([await pointer("small-alone"), named()]).toEqual([next, next]);
      const status = await operations.status({ image: "small-alone" });
      expect(status.quarantines).toMatchObject([{ digest: bad, reason: expect.stringContaining("was closed by bob") }]);
      await expectInvariants(started);
    },
    120_000,
  );
});
