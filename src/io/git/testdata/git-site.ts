import { execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A repository made by hand, object by object where it has to be. */
export interface MadeRepository {
  readonly path: string;
  readonly url: string;
  git(...args: string[]): Promise<string>;
  /** Commits these files to `main`; resolves to the commit. */
  commit(files: Readonly<Record<string, string>>): Promise<string>;
  /** Stores an object of any content, whatever git thinks of it. */
  object(type: string, bytes: Uint8Array): Promise<string>;
  /** A commit of a tree made of these raw entries. */
  rawCommit(entries: readonly { readonly mode: string; readonly name: string; readonly id: string }[]): Promise<string>;
}

export interface GitSite {
  readonly dir: string;
  readonly env: Record<string, string>;
  repository(name: string): Promise<MadeRepository>;
  /** Serves the repositories over HTTP; `allow` sees each request's Authorization. */
  serve(allow: (authorization: string | undefined, url: string) => boolean | string): Promise<string>;
  close(): Promise<void>;
}

export async function openGitSite(): Promise<GitSite> {
  const dir = await mkdtemp(join(tmpdir(), "tidemill-git-"));
  const home = join(dir, "home");
  await mkdir(home);
  const who = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b.example", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b.example" };
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1", ...who };
  const servers: Server[] = [];
  return {
    dir,
    env,
    repository: async (name) => {
      const path = join(dir, name);
      await mkdir(path);
      const git = async (...args: string[]): Promise<string> => (await run("git", args, { cwd: path, env })).stdout.trim();
      await git("init", "--quiet", "--initial-branch=main");
      await git("config", "uploadpack.allowAnySHA1InWant", "true");
      const object = (type: string, bytes: Uint8Array): Promise<string> =>
        feed(["hash-object", "-w", "--literally", "-t", type, "--stdin"], bytes, path, env);
      return {
        path,
        url: `file://${path}`,
        git,
        object,
        commit: async (files) => {
          for (const [file, text] of Object.entries(files)) {
            await mkdir(dirname(join(path, file)), { recursive: true });
            await writeFile(join(path, file), text);
          }
          await git("add", "--all", "--force");
          await git("commit", "--quiet", "--allow-empty", "--message=x");
          return git("rev-parse", "HEAD");
        },
        rawCommit: async (entries) => {
          const tree = Buffer.concat(
            entries.map(({ mode, name: file, id }) => Buffer.concat([Buffer.from(`${mode} ${file}\0`), Buffer.from(id, "hex")])),
          );
          const commit = await git("commit-tree", "-m", "x", await object("tree", tree));
          await git("update-ref", "refs/heads/main", commit);
          return commit;
        },
      };
    },
    serve: async (allow) => {
      const server = createServer((request, response) => {
        const answer = allow(request.headers.authorization, request.url ?? "");
        if (typeof answer === "string") return response.writeHead(302, { location: answer }).end();
        if (!answer) return response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
        const { pathname, search } = new URL(request.url ?? "", "http://x");
        const child = spawn("git", ["http-backend"], {
          env: {
            ...env,
            GIT_PROJECT_ROOT: dir,
            GIT_HTTP_EXPORT_ALL: "1",
            PATH_INFO: pathname,
            QUERY_STRING: search.slice(1),
            REQUEST_METHOD: request.method ?? "",
            CONTENT_TYPE: request.headers["content-type"] ?? "",
            HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
            GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
          },
        });
        request.pipe(child.stdin);
        const chunks: Buffer[] = [];
        child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
        child.on("close", () => {
          const all = Buffer.concat(chunks);
          const end = all.indexOf("\r\n\r\n");
          const headers = all.subarray(0, end).toString("latin1").split("\r\n").map((line) => line.split(": ", 2) as [string, string]);
          const status = Number(headers.find(([key]) => key === "Status")?.[1].slice(0, 3) ?? 200);
          response.writeHead(status, Object.fromEntries(headers.filter(([key]) => key !== "Status")));
          response.end(all.subarray(end + 4));
        });
      });
      servers.push(server);
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    },
    close: async () => {
      for (const server of servers) server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function feed(args: readonly string[], input: Uint8Array, cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile("git", [...args], { cwd, env }, (error, stdout, stderr) => (error ? reject(new Error(stderr)) : resolve(stdout.trim())));
    child.stdin?.end(input);
  });
}
