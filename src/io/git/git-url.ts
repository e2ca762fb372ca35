import { printable } from "../../lib/index.ts";
import { GitError } from "./error.ts";

/** A repository's address that git may be given. */
export interface GitUrl {
  readonly url: string;
  readonly protocol: "https" | "http" | "ssh" | "file";
  /** What credentials are scoped to: `https://host:port`. */
  readonly origin: string;
  /** For messages. */
  readonly shown: string;
}

const host = /^(?:\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::\d{1,5})?$/;
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/;
const user = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$/;
const path = /^[A-Za-z0-9._~/+@=%,:-]+$/;

/**
 * Checks the address of a repository: https, ssh, `user@host:path`; http on loopback only; file: only where allowed. No
 * helper program, no option and no password can be meant by what passes. Throws BAD_URL.
 */
export function parseGitUrl(text: string, allowFiles: boolean): GitUrl {
  const refuse = (why: string, hint = "Write https://host/path or ssh://user@host/path."): GitError =>
    new GitError("BAD_URL", `the address of a repository ${why}`, { hint });
  if (text.length > 2000) throw refuse("is longer than 2000 characters");
  const short = /^(?:([^@/:]+)@)?([^@/:]+):(?!\/\/)([^:].*)$/.exec(text);
  const url = short === null ? text : `ssh://${short[1] === undefined ? "" : `${short[1]}@`}${short[2]}/${short[3]}`;
  const match = /^([a-z]+):\/\/([^/]*)(\/.*)?$/.exec(url);
  if (match === null) throw refuse("is none that can be fetched");
  const [, protocol = "", authority = "", rest = ""] = match;
  if (!path.test(rest) || rest.split("/").includes("..") || rest.startsWith("/-"))
    throw refuse(`has a path that none has: ${printable(rest.slice(0, 100))}`);
  if (protocol === "file") {
    if (!allowFiles || authority !== "") throw refuse("is a path of this machine, which is not allowed");
    return { url, protocol, origin: "file://", shown: url };
  }
  const at = authority.lastIndexOf("@");
  const name = at < 0 ? undefined : authority.slice(0, at);
  const where = authority.slice(at + 1);
  if (name?.includes(":") === true)
    throw refuse("holds a password", "Give the token in a variable, or use a credential helper.");
  if (name !== undefined && !user.test(name)) throw refuse("has a user name that none has");
  if (!host.test(where)) throw refuse(`has no host: ${printable(where.slice(0, 100))}`);
  if (protocol === "http" && !loopback.test(where))
    throw refuse("is plain http: anybody on the way could change it", "Use https.");
  if (protocol !== "https" && protocol !== "http" && protocol !== "ssh")
    throw refuse(`is of the kind ${printable(protocol)}`);
  return { url, protocol, origin: `${protocol}://${where}`, shown: `${protocol}://${where}${rest}` };
}

/** Checks a ref: a name git allows, or the id of a commit; never an option, a range or a path. git-check-ref-format(1). Throws BAD_REF. */
export function checkRef(ref: string): string {
  const bad =
    ref.length > 250 ||
    !/^[A-Za-z0-9_][A-Za-z0-9._/+@=,-]*$/.test(ref) ||
    /\.\.|\/\/|@\{|\/\.|\.lock(?:\/|$)|[./]$/.test(ref);
  if (bad)
    throw new GitError("BAD_REF", `"${printable(ref.slice(0, 100))}" is no name of a branch or tag, and no commit`, {
      hint: "Write a branch, a tag, refs/…, or the 40 digits of a commit.",
    });
  return ref;
}

/** Checks a folder in a repository and takes superfluous slashes away. Throws BAD_PATH. */
export function checkSubdirectory(text: string): string {
  const parts = text.split("/").filter((part) => part !== "" && part !== ".");
  // oxlint-disable-next-line no-control-regex
  if (text.length > 1000 || text.startsWith("/") || parts.includes("..") || /[\u0000-\u001f\u007f\\]/.test(text))
    throw new GitError("BAD_PATH", `"${printable(text.slice(0, 100))}" is no folder in a repository`, {
      hint: "Write it from the top of the repository, as in services/web.",
    });
  return parts.join("/");
}

/** Whether a ref is the id of a commit. */
export function isCommit(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}
