/** How a path that is made of others is treated where base and application both have it otherwise than before. */
export type Derived =
  /** Rows, each by its first field. */
  | { readonly kind: "merge"; readonly rows: "accounts" | "groups" | "lines" | "stanzas" | "members" }
  /** Made anew of what the image then holds. */
  | { readonly kind: "regenerate"; readonly what: "loader-cache" }
  | { readonly kind: "empty"; readonly reason: string }
  /** Stays as the application has it. */
  | { readonly kind: "keep"; readonly reason: string }
  /** Is not in the image: who needs it makes it. */
  | { readonly kind: "drop"; readonly reason: string };

const backup = { kind: "drop", reason: "a copy of what was there before" } as const;
const lock = { kind: "keep", reason: "a lock file" } as const;
const log = { kind: "keep", reason: "a log of how the image was made" } as const;
const cache = { kind: "drop", reason: "a cache, made again when it is needed" } as const;
const answers = { kind: "keep", reason: "debconf's answers: those of the application's packages count" } as const;

/** The closed table: what an `apt-get install` on top of another was seen to have in common with it on Debian 12 and 13, and nothing more. */
const exactly: ReadonlyMap<string, Derived> = new Map<string, Derived>([
  ["etc/passwd", { kind: "merge", rows: "accounts" }],
  ["etc/shadow", { kind: "merge", rows: "accounts" }],
  ["etc/subuid", { kind: "merge", rows: "accounts" }],
  ["etc/subgid", { kind: "merge", rows: "accounts" }],
  ["etc/group", { kind: "merge", rows: "groups" }],
  ["etc/gshadow", { kind: "merge", rows: "groups" }],
  ["etc/shells", { kind: "merge", rows: "lines" }],
  ["var/lib/shells.state", { kind: "merge", rows: "lines" }],
  ["etc/apk/world", { kind: "merge", rows: "lines" }],
  ["lib/apk/db/triggers", { kind: "merge", rows: "lines" }],
  ["usr/lib/apk/db/triggers", { kind: "merge", rows: "lines" }],
  ["lib/apk/db/scripts.tar", { kind: "merge", rows: "members" }],
  ["usr/lib/apk/db/scripts.tar", { kind: "merge", rows: "members" }],
  ["var/lib/apt/extended_states", { kind: "merge", rows: "stanzas" }],
  ["etc/ld.so.cache", { kind: "regenerate", what: "loader-cache" }],
  ["etc/passwd-", backup],
  ["etc/group-", backup],
  ["etc/shadow-", backup],
  ["etc/gshadow-", backup],
  ["etc/subuid-", backup],
  ["etc/subgid-", backup],
  ["etc/.pwd.lock", lock],
  ["etc/machine-id", { kind: "keep", reason: "the number of a machine" }],
  ["var/lib/dbus/machine-id", { kind: "keep", reason: "the number of a machine" }],
  ["etc/hostname", { kind: "keep", reason: "written anew when a container starts" }],
  ["etc/hosts", { kind: "keep", reason: "written anew when a container starts" }],
  ["etc/resolv.conf", { kind: "keep", reason: "written anew when a container starts" }],
  ["var/lib/dpkg/status-old", backup],
  ["var/lib/dpkg/available", { kind: "empty", reason: "what dselect knew of packages that are not installed" }],
  ["var/lib/dpkg/available-old", backup],
  ["var/lib/dpkg/diversions-old", backup],
  ["var/lib/dpkg/statoverride-old", backup],
  ["var/lib/dpkg/lock", lock],
  ["var/lib/dpkg/lock-frontend", lock],
  ["var/lib/dpkg/triggers/Lock", lock],
  ["lib/apk/db/lock", lock],
  ["usr/lib/apk/db/lock", lock],
  ["var/cache/apt/pkgcache.bin", cache],
  ["var/cache/apt/srcpkgcache.bin", cache],
  ["var/cache/ldconfig/aux-cache", cache],
  ["var/cache/debconf/config.dat", answers],
  ["var/cache/debconf/templates.dat", answers],
  ["var/cache/debconf/passwords.dat", answers],
  ["var/cache/debconf/config.dat-old", backup],
  ["var/cache/debconf/templates.dat-old", backup],
  ["var/log/dpkg.log", log],
  ["var/log/alternatives.log", log],
  ["var/log/bootstrap.log", log],
  ["var/log/fontconfig.log", log],
  ["var/log/lastlog", log],
  ["var/log/faillog", log],
  ["var/log/wtmp", log],
  ["var/log/btmp", log],
]);

const below: readonly (readonly [prefix: string, derived: Derived])[] = [
  ["var/lib/apt/lists/", { kind: "keep", reason: "what apt last knew of its archives" }],
  ["var/cache/apt/archives/", { kind: "keep", reason: "package files that apt has fetched" }],
  ["var/log/apt/", log],
  // Trigger interests: one a line.
  ["var/lib/dpkg/triggers/", { kind: "merge", rows: "lines" }],
];

/** What the table says of a path; undefined where it is a file like another. */
export function derivedPath(path: string): Derived | undefined {
  return exactly.get(path) ?? below.find(([prefix]) => path.startsWith(prefix))?.[1];
}
