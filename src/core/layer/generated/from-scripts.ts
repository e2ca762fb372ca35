/** Commands of a package's postinst whose effect is generated; `*` where all of it is, or where a container has no use for the rest. */
export function reproducedBy(name: string): readonly string[] {
  return reproduced.get(name) ?? [];
}

const reproduced: ReadonlyMap<string, readonly string[]> = new Map(
  [
    "base-files",
    "base-passwd",
    "bash",
    "ca-certificates",
    "dash",
    "debianutils",
    "dpkg",
    "libc-bin",
    "libc6",
    "login",
    "mawk",
    "netbase",
    "nginx-common",
    "openssl",
    "passwd",
    "readline-common",
    "tzdata",
    "apt",
  ].map((name) => [name, ["*"]]),
);
