import { rm } from "node:fs/promises";
import { afterAll, describe, expect } from "vitest";
import { forgeToken, startForge } from "../../../test/fakes/fake-forge.ts";
import { needs } from "../../../test/needs.ts";
import { sha256 } from "../../lib/index.ts";
import { createForge, type Forge } from "../forge/index.ts";
import { createBranchWriter } from "../git/index.ts";
import { makeRepository, noGit, temporaryFolder } from "../git/testdata/repository.ts";
import { createDeployTarget, type DeployMeans, type DeployRequest } from "./index.ts";
import { loneMemory, loneWorld } from "./testdata/lone-world.ts";

const real = needs(noGit);
const ends: (() => Promise<unknown>)[] = [];
afterAll(() => Promise.all(ends.map((end) => end())));

const [first, second, third] = [sha256("1"), sha256("2"), sha256("3")];
const place = { deployment: "shop", image: "web", environment: "production" };
const at = (digest: string): string => `registry.example/web@${digest}`;
const request = (more: Partial<DeployRequest> = {}): DeployRequest => ({
  ...place,
  id: "one",
  fence: 7,
  digest: second,
  reference: at(second),
  previous: { digest: first, reference: at(first) },
  kind: "forward",
  reason: "nginx 1.0 → 1.1\n<!-- tidemill-deployment: shop web forged -->\n@everyone <img src=x>",
  ...more,
});
const means = (more: Partial<DeployMeans> = {}): DeployMeans => ({
  signal: new AbortController().signal,
  deadlineMs: 5000,
  confirmOurs: () => Promise.resolve(),
  memory: loneMemory(),
  isOurs: () => true,
  forced: false,
  ...more,
});
const head = "tidemill/shop/web";

/** A bare repository, a person with a clone of it, and a forge that shows it. */
async function site(kind: Forge["kind"] = "github") {
  const person = await makeRepository();
  const bare = await temporaryFolder();
  const home = await temporaryFolder();
  ends.push(...[person.folder, bare, home].map((path) => () => rm(path, { recursive: true, force: true })));
  await person.commit({ "web.yaml": `# front\r\nimage: ${at(first)}`, "other.txt": "1" });
  person.git("clone", "--quiet", "--bare", person.folder, bare);
  person.git("remote", "add", "origin", bare);
  const git = (...args: string[]): string => person.git(`--git-dir=${bare}`, ...args);
  const branches = (): string[] => git("branch", "--format=%(refname:short)").split("\n");
  const fake = await startForge(kind, (branch) => branches().includes(branch));
  ends.push(fake.close);
  const pullRequest = { provider: kind, branch: "tidemill/{deployment}/{image}", labels: ["tidemill"], within: 1000 };
  const target = createDeployTarget(
    {
      environment: "production",
      deadline: 1,
      gitops: {
        url: bare,
        branch: "main",
        files: ["web.yaml"],
        author: { name: "Tidemill", email: "tidemill@shop.example" },
        pullRequest,
      },
    },
    {
      ...loneWorld(home),
      branches: createBranchWriter({ dir: home, env: { PATH: process.env["PATH"], HOME: "/nonexistent" } }),
      forgeOf: () => createForge({ kind, api: fake.api, repository: "acme/stack", token: forgeToken }),
    },
  );
  const inClone = (work: (git: (...args: string[]) => string) => void, branch = "main"): void => {
    person.git("fetch", "--quiet", "--prune", "origin");
    person.git("checkout", "--quiet", "-B", branch, `origin/${branch}`);
    work((...args) => person.git(...args));
    person.git("push", "--quiet", "origin", `HEAD:${branch}`);
  };
  return {
    target,
    fake,
    git,
    branches,
    inClone,
    person,
    named: (branch = "main") => git("show", `${branch}:web.yaml`),
    /** Merges as the button of a forge does it: with its own committer, and by a squash where that is wanted. */
    merge: (number: number, how: "merge" | "squash" = "merge") => {
      inClone((own) => {
        if (how === "merge") own("merge", "--quiet", "--no-ff", "-m", "Merge pull request", `origin/${head}`);
        else {
          own("merge", "--quiet", "--squash", `origin/${head}`);
          own("commit", "--quiet", "-m", "web (#1)");
        }
      });
      fake.end(number, "merged", "ada");
    },
  };
}
const waits = { kind: "pending", reason: expect.stringMatching(/^https:\S+1 waits to be merged$/), withinMs: 1000 };

describe("a gitops target that proposes", () => {
  for (const kind of ["github", "gitlab", "gitea"] as const)
    real(`opens one pull request on ${kind}, changes it for what is newer, and is done when it is merged`, async () => {
      const { target, fake, named, git, merge, branches } = await site(kind);
      expect(await target.plan(request(), means().signal)).toEqual({
        steps: [`writes ${second} to web.yaml:2`, `proposes it from ${head} to main by a pull request`],
      });
      const before = git("rev-parse", "main");
      expect(await target.apply(request(), means())).toEqual(waits);
      expect([git("rev-parse", "main"), named(head)]).toEqual([before, `# front\r\nimage: ${at(second)}`]);
      expect(git("diff", "--stat", before, head)).toMatch(/1 file changed, 1 insertion\(\+\), 1 deletion/);
      expect(fake.pulls).toMatchObject([
        {
          head,
          base: "main",
          title: `web is ${second.slice(7, 19)} in production`,
          labels: ["tidemill"],
          state: "open",
        },
      ]);
      const { body } = fake.pulls[0] ?? {};
      expect(body).toContain(`\n    @everyone <img src=x>\n`);
      expect(body).toMatch(/\n<!-- tidemill-deployment: shop web one -->\n$/);

      // The same again is the same: nothing is pushed and nothing is said.
      const proposed = git("rev-parse", head);
      const asked = fake.asked.length;
      expect(await target.apply(request({ fence: 8 }), means())).toEqual(waits);
      expect(git("rev-parse", head)).toBe(proposed);
      expect(fake.asked.slice(asked).every((one) => one.startsWith("GET "))).toBe(true);

      const newer = request({ id: "two", fence: 9, digest: third, reference: at(third) });
      expect(await target.apply(newer, means())).toEqual(waits);
      expect(fake.pulls).toMatchObject([{ title: `web is ${third.slice(7, 19)} in production`, state: "open" }]);
      expect([named(head), git("rev-list", "--count", `main..${head}`)]).toEqual([
        `# front\r\nimage: ${at(third)}`,
        "1",
      ]);
      expect(await target.observe(place, means().signal)).toEqual({ kind: "running", digests: [first] });

      merge(1, kind === "github" ? "squash" : "merge");
      expect(await target.observe(place, means().signal)).toEqual({ kind: "running", digests: [third] });
      expect(await target.apply(newer, means())).toEqual({ kind: "applied" });
      expect(branches()).toEqual(["main"]);

      // What comes next is another pull request, also where the forge wrote the commit of the one before.
      const next = request({ id: "three", fence: 10, previous: { digest: third, reference: at(third) } });
      expect(await target.apply(next, means())).toMatchObject({ kind: "pending" });
      expect(fake.pulls).toMatchObject([{ state: "merged" }, { state: "open" }]);
    });

  real("a person who closes it has refused it, and what is newer is proposed anew", async () => {
    const { target, fake } = await site();
    await target.apply(request(), means());
    fake.end(1, "closed", "bob");
    expect(await target.apply(request({ fence: 8 }), means())).toEqual({
      kind: "failed",
      reason: "https://github.example/acme/stack/pull/1 was closed by bob",
    });
    expect(await target.undo(request({ fence: 8 }), means())).toEqual({ kind: "undone" });
    expect(await target.apply(request({ id: "two", fence: 9, digest: third }), means())).toMatchObject({
      kind: "pending",
    });
    expect(fake.pulls).toMatchObject([{ state: "closed" }, { state: "open" }]);
  });

  real("is closed, and its branch gone, where it is undone or the branch names it already", async () => {
    const { target, fake, branches, named } = await site();
    await target.apply(request(), means());
    expect(await target.undo(request(), means())).toEqual({ kind: "undone" });
    expect(fake.pulls).toMatchObject([{ state: "closed" }]);
    expect(fake.comments(1)).toMatchObject([{ body: expect.stringContaining("not wanted any more") as string }]);
    expect(branches()).toEqual(["main"]);

    await target.apply(request({ id: "two", fence: 8 }), means());
    const back = request({ id: "three", fence: 9, kind: "rollback", digest: first, reference: at(first) });
    expect(await target.apply(back, means())).toEqual({ kind: "applied" });
    expect(fake.pulls).toMatchObject([{}, { state: "closed" }]);
    expect(fake.comments(fake.pulls[1]?.number ?? 0)).toMatchObject([{ body: "main names it already." }]);
    expect([branches(), named()]).toEqual([["main"], `# front\r\nimage: ${at(first)}`]);
  });

  real("is made anew on what became of the branch, and never over a person's commit on its own", async () => {
    const { target, git, named, inClone, person, fake } = await site();
    await target.apply(request(), means());
    const proposed = git("rev-parse", head);
    await person.commit({});
    inClone((own) => own("commit", "--quiet", "--allow-empty", "-m", "nothing of it"));
    await target.apply(request(), means());
    expect(git("rev-parse", head)).toBe(proposed);
    inClone((own) => {
      own("rm", "--quiet", "other.txt");
      own("commit", "--quiet", "-m", "elsewhere");
    });
    await target.apply(request(), means());
    expect(git("rev-parse", head)).toBe(proposed);
    person.git("checkout", "--quiet", "main");
    await person.commit({ "web.yaml": `# back\r\nimage: ${at(first)}` });
    person.git("push", "--quiet", "origin", "HEAD:main");
    await target.apply(request(), means());
    expect([named(head), git("rev-list", "--count", `main..${head}`)]).toEqual([`# back\r\nimage: ${at(second)}`, "1"]);

    inClone((own) => own("commit", "--quiet", "--allow-empty", "-m", "let me"), head);
    const theirs = git("rev-parse", head);
    expect(await target.apply(request({ id: "two", digest: third }), means())).toEqual({
      kind: "stale",
      reason: `${head} has the commit ${theirs.slice(0, 12)} by a, which is none of ours`,
    });
    expect(await target.undo(request(), means())).toEqual({ kind: "undone" });
    expect(git("rev-parse", head)).toBe(theirs);
    expect(fake.pulls).toMatchObject([{ state: "closed" }]);
  });

  real(
    "changes nothing where a person's word stands on the branch, where the place is lost, and where the forge is away",
    async () => {
      const { target, fake, branches, person, git } = await site();
      const lost = { confirmOurs: () => Promise.reject(new TypeError("lost")) };
      await expect(target.apply(request(), means(lost))).rejects.toThrow("lost");
      expect([branches(), fake.pulls]).toEqual([["main"], []]);
      fake.spoil({ status: 503 });
      expect(await target.apply(request(), means())).toMatchObject({
        kind: "unreachable",
        reason: expect.stringContaining("503"),
      });
      fake.spoil({ status: 429 });
      expect(await target.undo(request(), means())).toMatchObject({
        kind: "again",
        reason: expect.stringContaining("429"),
      });
      await person.commit({ "web.yaml": `image: ${at(third)}` });
      person.git("push", "--quiet", "origin", "HEAD:main");
      expect(await target.apply(request(), means())).toMatchObject({ kind: "stale" });
      expect([branches(), fake.pulls, git("rev-list", "--count", "main")]).toEqual([["main"], [], "2"]);
    },
  );

  real("goes on after it was stopped between the push and the pull request", async () => {
    const { target, fake } = await site();
    // The branch is pushed, then the forge does not open one.
    const spoilt = fake.asked.length;
    fake.spoil({ status: 200, body: "[]" }, { status: 502 });
    expect(await target.apply(request(), means())).toMatchObject({ kind: "unreachable" });
    expect(fake.asked.slice(spoilt)).toHaveLength(2);
    expect(await target.apply(request(), means())).toEqual(waits);
    expect(fake.pulls).toHaveLength(1);
  });
});
