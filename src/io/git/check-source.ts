import { GitError } from "./error.ts";
import { publicUrl } from "./public-url.ts";

/** Where a repository lies, as git gets it: never with a password. */
export interface Location {
  readonly address: string;
  /** Scheme, host and port that credentials may go to; undefined where none are sent. */
  readonly origin: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
}

const longest = 2000;
// eslint-disable-next-line no-control-regex
const control = /[\u0000-\u001f\u007f]|%(?:[01][0-9a-f]|7f)/i;
const host = String.raw`(?:[A-Za-z0-9][A-Za-z0-9._-]*|\[[0-9A-Fa-f:.]+\])`;
const user = "[A-Za-z0-9._][A-Za-z0-9._-]*";
const sshUrl = new RegExp(`^ssh://(?:${user}@)?${host}(?::[0-9]{1,5})?/.+$`);
const sshPath = new RegExp(`^${user}@${host}:[^-:].*$`);
const forms = "https://host/path, ssh://user@host/path, user@host:path, file:///path or an absolute path";

/**
 * The repository that `url` names: over https or ssh, or a folder of this machine. Everything else that git would take (helpers that run programs, plain http,
 * options) is refused as BAD_SOURCE. Credentials of an https address come apart from it, so that they stand in no list of processes.
 */
export function parseLocation(url: string): Location {
  const refuse = (why: string, hint = `Write it as ${forms}.`) =>
    new GitError("BAD_SOURCE", `the repository ${publicUrl(url)} ${why}`, { hint });
  if (url === "" || url.length > longest) throw refuse(`is empty or longer than ${longest} characters`);
  if (control.test(url)) throw refuse("has control characters");
  if (/^https:\/\//i.test(url)) return parseHttps(url, refuse);
  const isFile = /^file:\/\/(?:localhost)?\/./.test(url) || (url.startsWith("/") && url.length > 1);
  if (isFile || sshUrl.test(url) || sshPath.test(url))
    return { address: url, origin: undefined, user: undefined, password: undefined };
  if (/^ssh:\/\/[^/]*:[^/]*@/i.test(url)) throw refuse("has a password", "Use a key: ssh asks for nothing here.");
  throw refuse("is none that can be fetched from");
}

function parseHttps(url: string, refuse: (why: string, hint?: string) => GitError): Location {
  if (!URL.canParse(url)) throw refuse("is no URL");
  const parsed = new URL(url);
  if (parsed.search !== "" || parsed.hash !== "")
    throw refuse("has a query or a fragment", "Give the branch as `ref:`, and a token as TIDEMILL_GIT_TOKEN.");
  const read = (text: string): string | undefined => {
    if (text === "") return undefined;
    try {
      return decodeURIComponent(text);
    } catch {
      throw refuse("has credentials that cannot be read", "Give them as TIDEMILL_GIT_USER and TIDEMILL_GIT_TOKEN.");
    }
  };
  return {
    address: `${parsed.origin}${parsed.pathname}`,
    origin: parsed.origin,
    user: read(parsed.username),
    password: read(parsed.password),
  };
}

/** Whether a text is the whole id of a commit, of SHA-1 or SHA-256. */
export function isCommitId(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** Throws BAD_SOURCE where `ref` is no name of a ref. git-check-ref-format(1). */
export function checkRef(ref: string): void {
  const valid =
    ref.length > 0 &&
    ref.length <= 500 &&
    ref !== "@" &&
    !ref.startsWith("-") &&
    // eslint-disable-next-line no-control-regex
    !/[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{|\.$/.test(ref) &&
    ref.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
  if (valid) return;
  throw new GitError("BAD_SOURCE", `${JSON.stringify(ref.slice(0, 100))} is no name of a branch, tag or commit`, {
    hint: "Name a branch, a tag, HEAD, or a commit by its whole id.",
  });
}

/** Throws BAD_SOURCE where `subdirectory` is not a relative path that stays below. */
export function checkSubdirectory(subdirectory: string): void {
  const valid =
    subdirectory.length > 0 &&
    subdirectory.length <= longest &&
    // eslint-disable-next-line no-control-regex
    !/^[-/]|[\u0000-\u001f\u007f\\]/.test(subdirectory) &&
    !subdirectory.split("/").includes("..");
  if (valid) return;
  throw new GitError("BAD_SOURCE", `${JSON.stringify(subdirectory.slice(0, 100))} is no folder of a repository`, {
    hint: "Write `subdirectory:` from the top of the repository, without `..`.",
  });
}
