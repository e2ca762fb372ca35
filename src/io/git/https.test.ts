import { execFileSync } from "node:child_process";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { createGit, type GitLimits } from "./create-git.ts";
import { GitError } from "./error.ts";
import { makeRepository, temporaryFolder, type Repository } from "./testdata/repository.ts";
import { noServer, serveRepository, type SmartServer } from "./testdata/smart-server.ts";

const real = needs(noServer);
const never = new AbortController().signal;
const made: string[] = [];
const servers: SmartServer[] = [];
let repo: Repository;
let first: string;
let second: string;

async function serve(behaviour: Parameters<typeof serveRepository>[1] = {}): Promise<SmartServer> {
  const server = await serveRepository(repo.folder, behaviour);
  servers.push(server);
  return server;
}

async function gitFor(
  { certificate }: SmartServer,
  more: Readonly<Record<string, string>> = {},
  limits: Partial<GitLimits> = {},
) {
  const dir = await temporaryFolder();
  made.push(dir);
  const env = { PATH: process.env["PATH"], HOME: "/nonexistent", GIT_SSL_CAINFO: certificate, ...more };
  return { dir, git: createGit({ dir, env, limits }) };
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

/** What was thrown, all that a reader could see of it. */
async function failureOf(work: Promise<unknown>): Promise<{ code: string; seen: string }> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof GitError)) throw new Error("nothing was refused", { cause: error });
  return { code: error.code, seen: `${error.message} ${error.hint} ${String(error.cause)} ${error.stack}` };
}

/** Files and folders that a fetch left, in all repositories. */
async function left(dir: string): Promise<string[]> {
  return (await readdir(dir, { recursive: true })).filter((path) => path.includes("/"));
}

beforeAll(async () => {
  if (noServer !== undefined) return;
  repo = await makeRepository();
  made.push(repo.folder);
  first = await repo.commit({ Dockerfile: "FROM first\n" });
  repo.git("tag", "--annotate", "--message=m", "v1");
  second = await repo.commit({ Dockerfile: "FROM second\n" });
});
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));
afterAll(() => Promise.all(made.map((path) => rm(path, { recursive: true, force: true }))));

describe("over https", () => {
  real("a commit is asked for by its id", async () => {
    const server = await serve({ modern: true });
    const { git } = await gitFor(server);
    const url = `${server.origin}/repo.git`;
    expect(await git.look({ url, ref: "v1" }, never)).toBe(first);
    const tree = await git.fetch({ url, ref: "main", commit: first }, never);
    expect(await readFile(join(tree, "Dockerfile"), "utf8")).toBe("FROM first\n");
  });

  real("a server that hands out no commits by id is asked for the ref, and must then give that commit", async () => {
    const server = await serve();
    const { git, dir } = await gitFor(server);
    const url = `${server.origin}/repo.git`;
    const tree = await git.fetch({ url, ref: "v1", commit: first }, never);
    expect(await readFile(join(tree, "Dockerfile"), "utf8")).toBe("FROM first\n");
    await rm(dir, { recursive: true });
    const { code, seen } = await failureOf(git.fetch({ url, ref: "main", commit: first }, never));
    expect(code).toBe("UNKNOWN_COMMIT");
    expect(seen).toContain(`main names ${second}`);
    expect(await left(dir)).toEqual([]);
  });

  real("a certificate that nobody vouches for is refused", async () => {
    const server = await serve();
    const { git } = await gitFor(server, { GIT_SSL_CAINFO: "", GIT_SSL_NO_VERIFY: "1" });
    const { code } = await failureOf(git.look({ url: `${server.origin}/repo.git`, ref: "main" }, never));
    expect(code).toBe("UNREACHABLE");
  });
});

describe("credentials", () => {
  const secret = "s3cr3t/with%signs'";

  real("come from the environment, or from the address, and are in no message", async () => {
    const server = await serve({ authorization: basic("robot", secret) });
    const url = `${server.origin}/repo.git`;
    const named = await gitFor(server, { TIDEMILL_GIT_USER: "robot", TIDEMILL_GIT_TOKEN: secret });
    expect(await named.git.look({ url, ref: "main" }, never)).toBe(second);
    const plain = await gitFor(server);
    const withOwn = url.replace("//", `//robot:${encodeURIComponent(secret)}@`);
    expect(await plain.git.look({ url: withOwn, ref: "main" }, never)).toBe(second);
    await expect(plain.git.fetch({ url: withOwn, ref: "main", commit: second }, never)).resolves.toMatch(/tree$/);

    const wrong = withOwn.replace("robot", "r0b0t");
    for (const work of [
      () => plain.git.look({ url, ref: "main" }, never),
      () => plain.git.look({ url: wrong, ref: "main" }, never),
      () => plain.git.fetch({ url: wrong, ref: "main", commit: first }, never),
      () => plain.git.look({ url: withOwn, ref: "nothing" }, never),
    ]) {
      const { code, seen } = await failureOf(work());
      expect(["DENIED", "UNKNOWN_REF"]).toContain(code);
      expect(seen).not.toContain("s3cr3t");
      expect(seen).toContain(url);
    }
  });

  real("stand in no argument, and git sees nothing else of our environment", async () => {
    const path = await temporaryFolder();
    made.push(path);
    const script = `#!/bin/sh\n{ printf '%s\\n' "$@"; echo ENVIRONMENT; env; } >> ${path}/seen\nexit 1\n`;
    await writeFile(join(path, "git"), script, { mode: 0o755 });
    const env = { PATH: `${path}:/usr/bin:/bin`, TIDEMILL_GIT_TOKEN: secret, DATABASE_URL: "x", GIT_TRACE: "1" };
    const git = createGit({ dir: path, env });
    await failureOf(git.look({ url: "https://u:s3cr3t2@127.0.0.1:1/a", ref: "main" }, never));
    await failureOf(git.look({ url: "https://127.0.0.1:1/a", ref: "main" }, never));
    const seen = await readFile(join(path, "seen"), "utf8");
    const runs = seen.split(/^-c$/m).filter((part) => part.includes("ENVIRONMENT"));
    expect(runs).toHaveLength(2);
    for (const run of runs) expect(run.split("ENVIRONMENT")[0]).not.toContain("s3cr3t");
    expect(seen).not.toMatch(/DATABASE_URL|GIT_TRACE/);
    expect(seen).toContain("GIT_TERMINAL_PROMPT=0");
  });

  real("do not follow a redirect to another origin", async () => {
    const target = await serve({ authorization: "Basic never" });
    const server = await serve({ redirect: target.origin });
    const { git } = await gitFor(server, { TIDEMILL_GIT_TOKEN: secret });
    // Both certificates are trusted: only the rule for credentials stands between.
    const both = `${await readFile(server.certificate, "utf8")}${await readFile(target.certificate, "utf8")}`;
    await writeFile(server.certificate, both);
    const { code, seen } = await failureOf(git.look({ url: `${server.origin}/repo.git`, ref: "main" }, never));
    expect(code).toBe("DENIED");
    expect(seen).not.toContain("s3cr3t");
    expect(target.requests.length).toBeGreaterThan(0);
    expect(target.requests.map((request) => request.authorization)).toEqual(target.requests.map(() => undefined));
  });

  real("with line breaks are refused", async () => {
    const { git } = await gitFor(await serve(), { TIDEMILL_GIT_TOKEN: "a\nhost=elsewhere" });
    const { code } = await failureOf(git.look({ url: "https://127.0.0.1:1/a", ref: "main" }, never));
    expect(code).toBe("BAD_SOURCE");
  });
});

describe("a fetch that is cut short", () => {
  const running = (dir: string) =>
    execFileSync("ps", ["-eo", "args"], { encoding: "utf8" })
      .split("\n")
      .filter((line) => line.includes(dir) && !line.includes("<defunct>"));

  real("by an abort leaves no process and no file, and the next one works", async () => {
    const slow = await serve({ modern: true, hangs: true });
    const { git, dir } = await gitFor(slow);
    const source = { ref: "main", commit: second };
    const stop = new AbortController();
    const reason = new Error("stop");
    const work = git.fetch({ ...source, url: `${slow.origin}/repo.git` }, stop.signal);
    await expect.poll(() => slow.requests.some(({ url }) => url.endsWith("/git-upload-pack"))).toBe(true);
    expect(running(dir).length).toBeGreaterThan(0);
    stop.abort(reason);
    await expect(work).rejects.toBe(reason);
    expect(running(dir)).toEqual([]);
    expect(await left(dir)).toEqual([]);
    const { git: again } = await gitFor(await serve({ modern: true }));
    await expect(again.fetch({ ...source, url: repo.folder }, never)).resolves.toMatch(/tree$/);
    await expect(git.fetch({ ...source, url: repo.folder }, never)).resolves.toMatch(/tree$/);
  });

  real("by its deadline says so", async () => {
    const slow = await serve({ modern: true, hangs: true });
    const { git, dir } = await gitFor(slow, {}, { fetchMs: 700 });
    const { code, seen } = await failureOf(
      git.fetch({ url: `${slow.origin}/repo.git`, ref: "main", commit: second }, never),
    );
    expect(code).toBe("TIMED_OUT");
    expect(seen).toContain("0.7 s");
    expect(await left(dir)).toEqual([]);
  });

  real("given up by one who waits goes on for the other", async () => {
    const server = await serve({ modern: true });
    const { git } = await gitFor(server);
    const source = { url: `${server.origin}/repo.git`, ref: "main", commit: second };
    const stop = new AbortController();
    const one = git.fetch(source, stop.signal);
    const two = git.fetch(source, never);
    stop.abort(new Error("stop"));
    await expect(one).rejects.toThrow("stop");
    await expect(two).resolves.toMatch(/tree$/);
  });

  real("by what it brings, without end, stops at the limit", async () => {
    const server = await serve({ modern: true, endless: true });
    const { git, dir } = await gitFor(server, {}, { bytes: 20_000_000 });
    const { code } = await failureOf(
      git.fetch({ url: `${server.origin}/repo.git`, ref: "main", commit: second }, never),
    );
    expect(code).toBe("TOO_LARGE");
    expect(running(dir)).toEqual([]);
    expect(await left(dir)).toEqual([]);
  });
});
