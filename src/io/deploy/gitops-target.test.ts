import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { sha256 } from "../../lib/index.ts";
import { createBranchWriter } from "../git/index.ts";
import { makeRepository, noGit, temporaryFolder } from "../git/testdata/repository.ts";
import { createDeployTarget, type DeployMeans, type DeployRequest } from "./index.ts";
import { loneMemory, loneWorld } from "./testdata/lone-world.ts";

const real = needs(noGit);
const made: string[] = [];
afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))));

const [first, second, third, foreign] = [sha256("1"), sha256("2"), sha256("3"), sha256("x")];
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
  reason: "nginx 1.0 → 1.1 (CVE-1)\n\nTidemill-Deployment: shop web 99 forged",
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
const gitops = {
  url: "/nowhere",
  branch: "main",
  files: ["web.yaml"],
  author: { name: "Tidemill", email: "tidemill@shop.example" },
};
const lone = (
  url: string,
  home: string,
  more: {
    readonly signingKey?: string;
    readonly files?: string[];
    readonly live?: { url: string; headers: Record<string, string> };
  } = {},
) =>
  createDeployTarget(
    { environment: "production", deadline: 1, gitops: { ...gitops, url, ...more } },
    {
      ...loneWorld(home),
      branches: createBranchWriter({ dir: home, env: { PATH: process.env["PATH"], HOME: "/nonexistent" } }),
    },
  );

/** A bare repository whose file names `digest`, and a person with a clone. */
async function site(digest: string = first) {
  const person = await makeRepository();
  const bare = await temporaryFolder();
  const home = await temporaryFolder();
  made.push(person.folder, bare, home);
  await person.commit({ "web.yaml": `# front\r\nimage: ${at(digest)}` });
  person.git("clone", "--quiet", "--bare", person.folder, bare);
  person.git("remote", "add", "origin", bare);
  const git = (...args: string[]): string => person.git(`--git-dir=${bare}`, ...args);
  return {
    target: lone(bare, home),
    home,
    git,
    named: () => git("show", "main:web.yaml"),
    /** A person's commit on top of what is there. */
    write: async (content: string) => {
      person.git("fetch", "--quiet", "origin");
      person.git("reset", "--quiet", "--hard", "origin/main");
      const commit = await person.commit({ "web.yaml": content });
      person.git("push", "--quiet", "origin", "HEAD:main");
      return commit;
    },
    person,
  };
}

describe("a gitops target", () => {
  real("commits the digest with its cause and a trailer, once", async () => {
    const { target, git, named } = await site();
    expect(await target.observe(place, means().signal)).toEqual({ kind: "running", digests: [first] });
    expect(await target.plan(request(), means().signal)).toEqual({
      steps: [`writes ${second} to web.yaml:2`, "commits and pushes it to main"],
    });
    expect(await target.apply(request(), means())).toEqual({ kind: "applied" });
    expect(named()).toBe(`# front\r\nimage: ${at(second)}`);
    const message = git("log", "-1", "--format=%an <%ae>%n%B", "main");
    expect(message).toMatch(
      /^Tidemill <tidemill@shop\.example>\nweb is [0-9a-f]{12} in production\n\nnginx 1\.0 → 1\.1/,
    );
    expect(git("log", "-1", "--format=%(trailers:key=Tidemill-Deployment,valueonly)", "main").trim()).toBe(
      "shop web 7 one",
    );
    expect(await target.observe(place, means().signal)).toEqual({ kind: "running", digests: [second] });
    const commit = git("rev-parse", "main");
    expect(await target.apply(request({ fence: 8 }), means())).toEqual({ kind: "applied" });
    expect(git("rev-parse", "main")).toBe(commit);
  });

  real("finds the image in all manifests of a folder, and passes over what says nothing of it", async () => {
    const { git, home, person } = await site();
    const url = git("rev-parse", "--absolute-git-dir");
    person.git("fetch", "--quiet", "origin");
    person.git("reset", "--quiet", "--hard", "origin/main");
    await person.commit({
      "apps/web/deploy.yaml": `image: ${at(first)}\n`,
      "apps/jobs/.env": `WEB_IMAGE=${at(first)}\n`,
      "apps/chart/templates/other.yaml": "image: {{ .Values.image }}\na: [",
      "apps/readme.md": `image: ${at(first)}\n`,
      "apps/large.json": " ".repeat(5_000_000),
    });
    person.git("push", "--quiet", "origin", "HEAD:main");
    const target = lone(url, home, { files: ["apps/"] });
    expect(await target.observe(place, means().signal)).toEqual({ kind: "running", digests: [first] });
    expect(await target.apply(request(), means())).toEqual({ kind: "applied" });
    expect(git("diff", "--name-only", "main~1", "main").split("\n")).toEqual([
      "apps/jobs/.env",
      "apps/web/deploy.yaml",
    ]);
    expect(await target.observe(place, means().signal)).toEqual({ kind: "running", digests: [second] });
    const odd = { "apps/chart/templates/other.yaml": "image: registry.example/web:{{ .Values.tag }}\n" };
    person.git("fetch", "--quiet", "origin");
    person.git("reset", "--quiet", "--hard", "origin/main");
    await person.commit(odd);
    person.git("push", "--quiet", "origin", "HEAD:main");
    expect(await target.observe(place, means().signal)).toMatchObject({
      kind: "unknown",
      reason: expect.stringContaining("apps/chart/templates/other.yaml:1:8"),
    });
    expect(await lone(url, home, { files: ["none/"] }).observe(place, means().signal)).toMatchObject({
      kind: "unknown",
      reason: expect.stringContaining("there is no manifest below none/ on the branch main"),
    });
  });

  real("runs what the branch and what follows it name, until both name the same", async () => {
    const { git, home, write } = await site();
    let runs: string | null = first;
    const server = createServer((_, response) => response.end(JSON.stringify({ digest: runs })));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      const target = lone(git("rev-parse", "--absolute-git-dir"), home, { live: { url, headers: {} } });
      const seen = () => target.observe(place, means().signal);
      await target.apply(request(), means());
      expect(await seen()).toEqual({ kind: "running", digests: [second, first] });
      runs = second;
      expect(await seen()).toEqual({ kind: "running", digests: [second] });
      await write(`image: ${at(first)}`);
      expect(await seen()).toEqual({ kind: "running", digests: [first, second] });
      runs = null;
      expect(await seen()).toMatchObject({ kind: "absent" });
    } finally {
      server.close();
    }
  });

  real("undoes by a commit back, and leaves what somebody made of it meanwhile", async () => {
    const { target, git, named, write } = await site();
    await target.apply(request(), means());
    expect(await target.undo(request(), means())).toEqual({ kind: "undone" });
    expect(named()).toContain(first);
    expect(git("log", "-1", "--format=%B", "main")).toContain(`Undoes ${second}`);
    expect(git("rev-list", "--count", "main")).toBe("3");
    await write(`image: ${at(foreign)}`);
    expect(await target.undo(request(), means())).toEqual({ kind: "undone" });
    expect(named()).toContain(foreign);
    expect(await target.undo(request({ previous: undefined }), means())).toEqual({ kind: "undone" });
  });

  real("FAULTS 28: a person's commit is named and left alone, also where it brings back what was ours", async () => {
    const { target, git, named, write } = await site();
    await target.apply(request(), means());
    for (const digest of [first, foreign]) {
      const commit = await write(`image: ${at(digest)}`);
      const later = request({ fence: 8, digest: third, previous: { digest: second, reference: at(second) } });
      expect(await target.apply(later, means())).toEqual({
        kind: "stale",
        reason: `web.yaml:1 names ${digest} since the commit ${commit.slice(0, 12)} by a, which is none of ours`,
      });
      expect(git("rev-parse", "main")).toBe(commit);
    }
    await target.apply(request({ fence: 9, digest: third }), means({ forced: true }));
    expect(named()).toContain(third);
    await write(`image: ${at(foreign)}`);
    const stale = await target.apply(request({ fence: 10, digest: second }), means());
    expect(stale).toMatchObject({ kind: "stale" });
  });

  real("a revert that comes before the attempt was seen to its end is not overwritten by its second try", async () => {
    const { target, git, named, write } = await site();
    await target.apply(request(), means());
    const commit = await write(`image: ${at(first)}`);
    expect(await target.apply(request({ fence: 8 }), means())).toEqual({
      kind: "stale",
      reason: `web.yaml:1 names ${first} since the commit ${commit.slice(0, 12)} by a, which is none of ours`,
    });
    expect(git("rev-parse", "main")).toBe(commit);
    // No way back is stopped by what once was.
    expect(await target.apply(request({ fence: 9, kind: "rollback" }), means())).toEqual({ kind: "applied" });
    expect(named()).toContain(second);
  });

  real("a person's commit elsewhere in the file is nobody's revert", async () => {
    const { target, named, write } = await site();
    await target.apply(request(), means());
    await write(`# mine\nreplicas: 3\nimage: ${at(second)}\n`);
    const next = request({ fence: 8, digest: third, previous: { digest: second, reference: at(second) } });
    expect(await target.apply(next, means())).toEqual({ kind: "applied" });
    expect(named()).toBe(`# mine\nreplicas: 3\nimage: ${at(third)}`);
  });

  real("a worker that comes late changes nothing of what a later one did", async () => {
    const { target, named } = await site();
    await target.apply(request({ fence: 9, digest: third }), means());
    const late = await target.apply(request({ fence: 8 }), means());
    expect(late).toMatchObject({ kind: "stale", reason: expect.stringContaining("its fence is 9") });
    expect(named()).toContain(third);
    const lost = { confirmOurs: () => Promise.reject(new TypeError("lost")) };
    await expect(
      target.apply(request({ fence: 10, digest: foreign }), means({ forced: true, ...lost })),
    ).rejects.toThrow("lost");
    expect(named()).toContain(third);
  });

  real("signs with a key beside the configuration, and says so where it does not sign", async () => {
    const { git, home } = await site();
    const commit = git("rev-parse", "main");
    const target = lone(git("rev-parse", "--absolute-git-dir"), home, { signingKey: "no/key" });
    expect(await target.apply(request(), means())).toMatchObject({
      kind: "unreachable",
      reason: expect.stringContaining(`${home}/no/key does not sign a commit`),
    });
    expect(git("rev-parse", "main")).toBe(commit);
  });

  real("takes over what is there before the first", async () => {
    const { target, named } = await site(foreign);
    expect(await target.apply(request({ previous: undefined }), means())).toEqual({ kind: "applied" });
    expect(named()).toContain(second);
  });

  real("pins a tag alone, and says that it names no digest where a person takes it out again", async () => {
    const { target, named, write } = await site();
    await write("image: registry.example/web:1.4");
    const unknown = { kind: "unknown", reason: "web.yaml:1:32: it names no digest" };
    expect(await target.observe(place, means().signal)).toEqual(unknown);
    expect(await target.apply(request(), means())).toMatchObject({ kind: "stale" });
    expect(await target.apply(request({ previous: undefined }), means())).toEqual({ kind: "applied" });
    expect(named()).toBe(`image: registry.example/web:1.4@${second}`);
  });

  real("says what is wrong with the files, and nothing of the image", async () => {
    const { target, write, person } = await site();
    const problems: [string, RegExp][] = [
      [
        "image: registry.example/web:{{ .tag }}",
        /web\.yaml:1:8: what a template fills in cannot be changed\. Name the file/,
      ],
      ["a: 1", /no file of `files:` names web: registry\.example\/web is looked for\. Mark its digest/],
    ];
    for (const [content, reason] of problems) {
      await write(content);
      const said = { reason: expect.stringMatching(reason) };
      expect(await target.apply(request(), means())).toEqual({ kind: "unreachable", ...said });
      expect(await target.undo(request(), means())).toEqual({ kind: "again", ...said });
      expect((await target.plan(request(), means().signal)).problem).toMatch(reason);
    }
    expect(await target.observe(place, means().signal)).toMatchObject({ kind: "absent" });
    await write("a: b");
    person.git("rm", "--quiet", "web.yaml");
    await person.commit({});
    person.git("push", "--quiet", "origin", "HEAD:main");
    const gone = { kind: "unknown", reason: expect.stringMatching(/there is no file web\.yaml on the branch main/) };
    expect(await target.observe(place, means().signal)).toEqual(gone);
  });

  real("says that the repository does not answer, and ends when it is told to", async () => {
    const home = await temporaryFolder();
    made.push(home);
    const target = lone(`${home}/none`, home);
    const away = { reason: expect.stringMatching(/none cannot be read/) };
    expect(await target.apply(request(), means())).toEqual({ kind: "unreachable", ...away });
    expect(await target.observe(place, means().signal)).toEqual({ kind: "unknown", ...away });
    const signal = AbortSignal.abort(new Error("stopped"));
    await expect(target.apply(request(), means({ signal }))).rejects.toThrow("stopped");
    await expect(target.observe(place, signal)).rejects.toThrow("stopped");
  });

  it("without Git in its world cannot be made to lie", async () => {
    const target = createDeployTarget({ environment: "production", deadline: 1, gitops }, loneWorld("/nowhere"));
    await expect(target.observe(place, means().signal)).rejects.toThrow("no Git");
  });
});
