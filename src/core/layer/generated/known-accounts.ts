/** An account that a package makes, or a group alone. */
export interface KnownAccount {
  readonly user?: string;
  /** Its group, which is made where nothing has made it. */
  readonly group: string;
  /** Where the distribution gives this name a number of its own. */
  readonly uid?: number;
  /** `/nonexistent` where it has none. */
  readonly home?: string;
  /** Of one that may not log in where it is left out. */
  readonly shell?: string;
  readonly comment?: string;
  /** Other groups that it is a member of, where they are there. */
  readonly member?: readonly string[];
}

/** What an account has as its shell that says nothing of one. */
export const defaultShell = "/usr/sbin/nologin";

/**
 * Accounts and groups that maintainer scripts of Debian's packages make with adduser, as they stand in those of bookworm and
 * trixie, by package. What a package declares in sysusers.d is taken from there.
 */
export const knownAccounts: ReadonlyMap<string, readonly KnownAccount[]> = new Map<string, KnownAccount[]>([
  ["apt", [{ user: "_apt", group: "nogroup", uid: 42 }]],
  ["avahi-daemon", [own("avahi", "/run/avahi-daemon", { comment: "Avahi mDNS daemon" }), { group: "netdev" }]],
  ["bind9", [own("bind", "/var/cache/bind")]],
  ["chrony", [own("_chrony", "/var/lib/chrony", { comment: "Chrony daemon" })]],
  ["cron-daemon-common", [{ group: "crontab" }]],
  ["dbus-system-bus-common", [own("messagebus")]],
  ["dnsmasq-base", [{ user: "dnsmasq", group: "nogroup", home: "/var/lib/misc", comment: "dnsmasq" }]],
  ["exim4-base", [own("Debian-exim", "/var/spool/exim4")]],
  ["haproxy", [own("haproxy", "/var/lib/haproxy")]],
  ["mariadb-server", [own("mysql", undefined, { comment: "MySQL Server", shell: "/bin/false" })]],
  ["memcached", [own("memcache", undefined, { comment: "Memcached", shell: "/bin/false" })]],
  ["mosquitto", [own("mosquitto", "/var/lib/mosquitto")]],
  ["openssh-client", [{ group: "_ssh" }]],
  ["openssh-server", [{ user: "sshd", group: "nogroup", home: "/run/sshd" }]],
  ["polkitd", [own("polkitd", undefined, { comment: "polkit" })]],
  ["postfix", [own("postfix", "/var/spool/postfix"), { group: "postdrop" }]],
  [
    "postgresql-common",
    [
      own("postgres", "/var/lib/postgresql", {
        comment: "PostgreSQL administrator",
        shell: "/bin/bash",
        member: ["ssl-cert"],
      }),
    ],
  ],
  ["rabbitmq-server", [own("rabbitmq", "/var/lib/rabbitmq", { comment: "RabbitMQ messaging server" })]],
  ["redis-tools", [own("redis", "/var/lib/redis")]],
  ["ssl-cert", [{ group: "ssl-cert" }]],
  ["tcpdump", [own("tcpdump")]],
  ["udev", [{ group: "input" }, { group: "sgx" }, { group: "kvm" }, { group: "render" }]],
  ["unbound", [own("unbound", "/var/lib/unbound")]],
  ["uuid-runtime", [own("uuidd", "/run/uuidd")]],
]);

/** An account with a group of its name. */
function own(name: string, home?: string, more: Partial<KnownAccount> = {}): KnownAccount {
  const { comment } = more;
  return {
    user: name,
    group: name,
    ...(home === undefined ? {} : { home }),
    ...more,
    // adduser fills up to four fields: name, room, telephone at work and at home.
    ...(comment === undefined ? {} : { comment: `${comment},,,` }),
  };
}
