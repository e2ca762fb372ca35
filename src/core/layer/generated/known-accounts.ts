/** An account that a package makes. `group` is the name of its group: its own where it is the same, which is made with it. */
export interface KnownAccount {
  readonly user?: string;
  readonly group: string;
  /** Where the distribution gives a number to this name alone. */
  readonly uid?: number;
  readonly home?: string;
  readonly shell?: string;
  readonly comment?: string;
  /** Groups that it is a member of beside its own; those that nothing makes are left out. */
  readonly member?: readonly string[];
}

const nologin = "/usr/sbin/nologin";
const none = "/nonexistent";

/**
 * Accounts and groups that maintainer scripts of Debian's packages make with adduser, as they stand in the postinst of bookworm
 * or trixie. What a package declares in sysusers.d need not be here.
 */
export const knownAccounts: ReadonlyMap<string, readonly KnownAccount[]> = new Map<string, KnownAccount[]>([
  ["apt", [{ user: "_apt", group: "nogroup", uid: 42, home: none }]],
  ["openssh-client", [{ group: "_ssh" }]],
  ["openssh-server", [{ user: "sshd", group: "nogroup", home: "/run/sshd" }]],
]);

export const defaultShell = nologin;
