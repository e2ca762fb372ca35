import { knownAccounts } from "./known-accounts.ts";

/** Commands of a package's postinst whose effect is generated; `*` where all of it is, or where a container has no use for the rest. */
export function reproducedBy(name: string): readonly string[] {
  if (/^python3\.\d+-minimal$/.test(name)) return pythonFolders;
  return [...ofAll, ...(reproduced.get(name) ?? []), ...(knownAccounts.has(name) ? accountCommands : [])];
}

/** Profiles of PAM are taken from every package. */
const ofAll = ["pam-auth-update"];
const accountCommands = ["adduser", "addgroup", "useradd", "groupadd"];
/** Empty folders in /usr/local. */
const pythonFolders = ["chmod", "chown", "mkdir"];
const all = ["*"];

const reproduced: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ["apt", all],
  ["base-files", all],
  ["base-passwd", all],
  ["bash", all],
  ["ca-certificates", all],
  // A link for a /usr that is not merged.
  ["coreutils", all],
  ["dash", all],
  ["debianutils", all],
  ["dpkg", all],
  // An initial RAM disk, which no container has.
  ["e2fsprogs", all],
  // It does something only when it comes after a former version; as do the next ones of this kind.
  ["init-system-helpers", all],
  // A capability for `ip vrf exec`, which its question leaves out unless it is answered.
  ["iproute2", all],
  ["libc-bin", all],
  ["libc6", all],
  ["libgssapi-krb5-2", all],
  ["libpam-modules", all],
  ["libpam-runtime", all],
  ["libwtmpdb0", all],
  ["login", all],
  ["login.defs", all],
  ["mawk", all],
  ["netbase", all],
  ["nginx-common", all],
  // Not the mode of ssh-agent, which keeps other processes of its user from tracing it.
  ["openssh-client", ["groupmod"]],
  // Not the keys of the host: those of an image would be everybody's.
  ["openssh-server", ["cp", "mkdir", "mv", "ucf", "ucfr"]],
  ["openssl", all],
  ["passwd", all],
  // Settings of the kernel, which are the host's.
  ["procps", all],
  ["python3", ["mkdir"]],
  ["readline-common", all],
  ["tzdata", all],
  ["ucf", ["touch"]],
]);
