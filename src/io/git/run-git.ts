import { spawn } from "node:child_process";
import { opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { formatBytes, formatSeconds, messageOf, printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";
import type { GitUrl } from "./git-url.ts";
import type { GitLimits, GitOptions, GitSource } from "./types.ts";

/** Git, set up so that what a repository holds makes it run nothing and ask nobody. */
export interface GitRunner {
  /** Runs git and resolves to what it wrote, `limit` bytes at most. Throws GitError. */
  text(args: readonly string[], request: GitRun, limit: number): Promise<string>;
  /** Runs git and hands what it writes to `read`. Throws GitError, and what `read` throws. */
  stream(args: readonly string[], request: GitRun, read: (stdout: Readable) => Promise<void>): Promise<void>;
}

export interface GitRun {
  readonly source?: GitSource;
  readonly url?: GitUrl;
  readonly cwd: string;
  readonly input?: Readable;
  /** A folder that must not grow past the limit of bytes while git works. */
  readonly watched?: string;
  readonly signal?: AbortSignal | undefined;
}

const kept = [
  "PATH",
  "HOME",
  "USER",
  "XDG_CONFIG_HOME",
  "XDG_RUNTIME_DIR",
  "SSH_AUTH_SOCK",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "GIT_SSL_CAPATH",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
];

const settings = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.symlinks=false",
  "core.protectHFS=true",
  "core.protectNTFS=true",
  "fetch.fsckObjects=true",
  "fetch.fsck.zeroPaddedFilemode=ignore",
  "fetch.recurseSubmodules=false",
  "submodule.recurse=false",
  "fetch.writeCommitGraph=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "protocol.version=2",
  "http.lowSpeedLimit=1000",
  "http.lowSpeedTime=60",
  "filter.lfs.smudge=",
  "filter.lfs.process=",
  "filter.lfs.required=false",
];
/** Says the token to git, which asks for it only where the address is that of the repository. gitcredentials(7). */
const helper = `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$TIDEMILL_GIT_USER" "$TIDEMILL_GIT_TOKEN"; }; f`;
const errorBytes = 8192;
const everyMs = 200;

export function createGitRunner(options: GitOptions, limits: GitLimits): GitRunner {
  const { env: ours, program = "git", allowFiles = false } = options;
  const protocols = ["https", "ssh", "http", ...(allowFiles ? ["file"] : [])].join(":");

  function environmentOf({ source }: GitRun): Record<string, string> {
    const token = source?.tokenEnv === undefined ? undefined : ours[source.tokenEnv];
    if (source?.tokenEnv !== undefined && (token === undefined || token === ""))
      throw new GitError("UNAUTHORIZED", `the variable ${source.tokenEnv} with the token of a repository is not set`, {
        hint: "Set it in the environment that Tidemill runs in.",
      });
    const taken = kept.flatMap((name) => (ours[name] === undefined ? [] : [[name, ours[name]] as const]));
    return {
      ...Object.fromEntries(taken),
      LC_ALL: "C",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "",
      SSH_ASKPASS: "",
      GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o PermitLocalCommand=no -o ForwardAgent=no -o ConnectTimeout=20",
      GIT_ALLOW_PROTOCOL: protocols,
      GIT_PROTOCOL_FROM_USER: "0",
      GIT_NO_REPLACE_OBJECTS: "1",
      GIT_LFS_SKIP_SMUDGE: "1",
      GIT_ADVICE: "0",
      ...(token === undefined
        ? {}
        : { TIDEMILL_GIT_USER: source?.username ?? "x-access-token", TIDEMILL_GIT_TOKEN: token.trim() }),
    };
  }

  function settingsOf({ source, url }: GitRun): string[] {
    // An empty helper takes the user's own away: the token that was named is the one that is used.
    const own =
      source?.tokenEnv === undefined || url === undefined
        ? []
        : ["credential.helper=", `credential.${url.origin}.helper=${helper}`];
    return [...settings, ...own].flatMap((each) => ["-c", each]);
  }

  async function start(
    args: readonly string[],
    request: GitRun,
    read: (stdout: Readable) => Promise<void>,
  ): Promise<void> {
    const { cwd, input, watched, signal, url } = request;
    signal?.throwIfAborted();
    const env = environmentOf(request);
    const child = spawn(program, [...settingsOf(request), ...args], {
      cwd,
      env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    let said = "";
    const failures: Error[] = [];
    const end = (error: Error): void => {
      failures.push(error);
      try {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    };
    const abort = (): void =>
      end(signal?.reason instanceof Error ? signal.reason : new Error(messageOf(signal?.reason)));
    const timer = setTimeout(
      () =>
        end(
          new GitError(
            "TIMEOUT",
            `${url?.shown ?? "git"}: git took longer than ${formatSeconds(limits.timeoutMs / 1000)}`,
            { retry: true },
          ),
        ),
      limits.timeoutMs,
    );
    const watch =
      watched === undefined ? undefined : setInterval(() => void checkSize(watched, limits.bytes, url, end), everyMs);
    child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-errorBytes)));
    pipeline(input ?? Readable.from([]), child.stdin).catch(() => undefined);
    const reading = read(child.stdout).catch((error: unknown) => {
      child.stdout.resume();
      end(error instanceof Error ? error : new Error(messageOf(error)));
    });
    signal?.addEventListener("abort", abort, { once: true });
    try {
      const status = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
      }).catch((cause: unknown) => {
        throw new GitError("GIT_MISSING", `${program} cannot be run: ${messageOf(cause)}`, {
          cause,
          hint: "Install git.",
        });
      });
      await reading;
      const [failure] = failures;
      if (failure !== undefined) throw failure;
      if (status !== 0) throw explain(said, url);
    } finally {
      clearTimeout(timer);
      clearInterval(watch);
      signal?.removeEventListener("abort", abort);
    }
  }

  return {
    stream: start,
    text: async (args, request, limit) => {
      const chunks: Buffer[] = [];
      let size = 0;
      await start(args, request, async (stdout) => {
        for await (const chunk of stdout as AsyncIterable<Buffer>) {
          size += chunk.length;
          if (size > limit)
            throw new GitError("TOO_LARGE", `${request.url?.shown ?? "git"}: git says more than ${formatBytes(limit)}`);
          chunks.push(chunk);
        }
      });
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

async function checkSize(
  folder: string,
  limit: number,
  url: GitUrl | undefined,
  end: (error: Error) => void,
): Promise<void> {
  if ((await sizeOf(folder, limit)) > limit)
    end(
      new GitError("TOO_LARGE", `${url?.shown ?? "the repository"} is larger than ${formatBytes(limit)}`, {
        hint: "Allow a source more bytes.",
      }),
    );
}

/** Bytes of the files in a folder, as far as `enough`. */
async function sizeOf(folder: string, enough: number): Promise<number> {
  let bytes = 0;
  const entries = await opendir(folder, { recursive: true }).catch(() => undefined);
  if (entries === undefined) return 0;
  try {
    for await (const entry of entries) {
      if (entry.isFile())
        bytes += await stat(join(entry.parentPath, entry.name)).then(
          ({ size }) => size,
          () => 0,
        );
      if (bytes > enough) break;
    }
  } catch {
    // A file of git's went away.
  }
  return bytes;
}

/** What git said, as one of our errors; where it names an address, without what may be secret in it. */
function explain(said: string, url: GitUrl | undefined): GitError {
  const lines = said
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("warning:"));
  const words = printable(
    lines
      .slice(-3)
      .join(" ")
      .replaceAll(/\/\/[^/@\s]*@/g, "//")
      .slice(0, 500),
  );
  const where = url?.shown ?? "git";
  if (
    /authentication failed|could not read (?:username|password)|permission denied|terminal prompts disabled|access denied|403|401|host key verification/i.test(
      said,
    )
  )
    return new GitError("UNAUTHORIZED", `${where} refuses: ${words}`, {
      hint: "Name a variable with a token, set up a credential helper, or add the host to known_hosts.",
    });
  if (/repository '.*' not found|does not appear to be a git repository|repository not found|404/i.test(said))
    return new GitError("UNREACHABLE", `${where} has no repository there: ${words}`, {
      hint: "Is the address right, and is the token allowed to read it?",
    });
  if (/not our ref|couldn't find remote ref|unadvertised object|no such ref/i.test(said))
    return new GitError("REF_NOT_FOUND", `${where}: ${words}`, {
      hint: "Was the commit pushed away, or the branch deleted?",
    });
  if (/transport '.*' not allowed/i.test(said)) return new GitError("BAD_URL", `${where}: ${words}`);
  if (
    /fsck error|error in object|bad object|invalid path|hasDot|gitmodules|empty filename|malformed mode|too-short tree/i.test(
      said,
    )
  )
    return new GitError("BAD_TREE", `${where} holds what git does not accept: ${words}`);
  return new GitError("UNREACHABLE", `${where} cannot be fetched: ${words}`, { retry: true });
}
