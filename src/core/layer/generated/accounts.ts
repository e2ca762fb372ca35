import type { PackageFacts } from "../types.ts";
import { ImageTree } from "./image-tree.ts";
import { defaultShell, knownAccounts } from "./known-accounts.ts";
import { parseSysusers } from "./sysusers.ts";

/** An account that the configuration of an image asks for. */
export interface AccountWish {
  readonly name: string;
  readonly uid: number;
  /** The number of its group, which is made where nothing has it; without it that of the account. */
  readonly gid?: number | undefined;
  readonly home: string;
  readonly shell: string;
}

export type AllocatedAccounts = ReadonlyMap<string, { readonly uid: number; readonly gid: number }>;

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly comment: string;
  readonly home: string;
  readonly shell: string;
  /** What stands in its stead in shadow(5), from the password on. */
  readonly shadow: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: Set<string>;
  readonly password: string;
}

/** Days since 1970 of generatedTime: the password's last change, in shadow(5). */
const changed = 10_957;
/** The day on which a locked account expired. */
const expired = 1;
const master = "usr/share/base-passwd/";
const shadowGroup = 42;

/** Names of accounts and groups that packages ask for and that no fixed table numbers, sorted. */
export function accountsToAllocate(packages: readonly PackageFacts[]): string[] {
  const names = new Set<string>();
  buildAccounts(new ImageTree(packages), [], (name) => {
    names.add(name);
    return { uid: 0, gid: 0 };
  });
  return [...names].sort();
}

/**
 * `etc/passwd` and `etc/group` from base-passwd's masters, the accounts of packages and those of the configuration; with the
 * package passwd `etc/shadow` and `etc/gshadow` too, as shadowconfig(8) makes them: no account has a password. Without
 * base-passwd there are the files only where somebody asks for an account, with root and nobody beside it.
 */
export function addAccounts(tree: ImageTree, wishes: readonly AccountWish[], allocated: AllocatedAccounts): void {
  const accounts = buildAccounts(tree, wishes, (name) => {
    const numbers = allocated.get(name);
    if (numbers === undefined) throw new RangeError(`no numbers were allocated for ${name}`);
    return numbers;
  });
  if (accounts === undefined) return;
  const users = [...accounts.users.values()];
  const groups = [...accounts.groups.values()];
  const shadowed = tree.has("passwd");
  const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");
  tree.file(
    "etc/passwd",
    lines(
      users.map(
        ({ name, uid, gid, comment, home, shell }) =>
          `${name}:${shadowed ? "x" : "*"}:${uid}:${gid}:${comment}:${home}:${shell}`,
      ),
    ),
  );
  tree.file(
    "etc/group",
    lines(groups.map(({ name, gid, members }) => `${name}:${shadowed ? "x" : "*"}:${gid}:${[...members].join(",")}`)),
  );
  for (const { home, uid, gid } of wishes) {
    const path = home.replace(/^\/+|\/+$/g, "");
    if (path !== "" && path !== "nonexistent") tree.directory(path, { uid, gid: gid ?? uid });
  }
  if (!shadowed) return;
  const secret = { mode: 0o640, gid: shadowGroup };
  tree.file("etc/shadow", lines(users.map(({ name, shadow }) => `${name}:${shadow}`)), secret);
  tree.file(
    "etc/gshadow",
    lines(groups.map(({ name, password, members }) => `${name}:${password}::${[...members].join(",")}`)),
    secret,
  );
}

interface Accounts {
  readonly users: Map<string, User>;
  readonly groups: Map<string, Group>;
}

/** `numbers` is asked for the names that have none yet. */
function buildAccounts(
  tree: ImageTree,
  wishes: readonly AccountWish[],
  numbers: (name: string) => { readonly uid: number; readonly gid: number },
): Accounts | undefined {
  const fromMaster = readMasters(tree.kept(`${master}passwd.master`), tree.kept(`${master}group.master`));
  const { users, groups } = fromMaster ?? minimal();
  const before = users.size + groups.size;

  const addGroup = (name: string, gid: () => number, password: string): Group => {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group = { name, gid: gid(), members: new Set<string>(), password };
    groups.set(name, group);
    return group;
  };
  const memberships: [user: string, group: string][] = [];

  const declared = tree.keptBelow("usr/lib/sysusers.d/").flatMap(([, text]) => parseSysusers(text));
  for (const line of declared)
    if (line.kind === "group") addGroup(line.name, () => line.gid ?? numbers(line.name).gid, "!*");
    else if (line.kind === "member") memberships.push([line.name, line.group]);
  for (const line of declared) {
    if (line.kind !== "user" || users.has(line.name)) continue;
    const { name, comment, home, locked } = line;
    const uid = line.uid ?? numbers(name).uid;
    const own = (): number => line.uid ?? numbers(name).gid;
    const gid = groupNumber(groups, line.group) ?? addGroup(name, own, "!*").gid;
    users.set(name, {
      name,
      uid,
      gid,
      comment,
      home,
      shell: line.shell ?? defaultShell,
      shadow: `!*:${changed}:::::${locked ? expired : ""}:`,
    });
  }
  for (const { name } of tree.packages)
    for (const known of knownAccounts.get(name) ?? []) {
      const { user, group, uid, comment = "", home = "/nonexistent", shell = defaultShell, member = [] } = known;
      const gid = (): number => numbers(group).gid;
      if (user === undefined) {
        addGroup(group, gid, "!");
        continue;
      }
      if (!users.has(user)) {
        const number = uid ?? numbers(user).uid;
        const own = addGroup(group, gid, "!").gid;
        users.set(user, { name: user, uid: number, gid: own, comment, home, shell, shadow: `!:${changed}::::::` });
      }
      for (const other of member) memberships.push([user, other]);
    }

  // Last, for a group may come after its member.
  for (const [user, group] of memberships) if (users.has(user)) groups.get(group)?.members.add(user);

  for (const { name, uid, gid: wished, home, shell } of wishes) {
    const gid = wished ?? uid;
    if (![...groups.values()].some((group) => group.gid === gid) && !groups.has(name))
      groups.set(name, { name, gid, members: new Set(), password: "!" });
    users.set(name, { name, uid, gid, comment: "", home, shell, shadow: `!:${changed}:0:99999:7:::` });
  }
  return fromMaster === undefined && users.size + groups.size === before ? undefined : { users, groups };
}

function groupNumber(groups: ReadonlyMap<string, Group>, group: string | undefined): number | undefined {
  if (group === undefined) return undefined;
  return /^\d+$/.test(group) ? Number(group) : groups.get(group)?.gid;
}

function readMasters(passwd: string | undefined, group: string | undefined): Accounts | undefined {
  if (passwd === undefined || group === undefined) return undefined;
  const users = new Map<string, User>();
  for (const line of passwd.split("\n")) {
    const [name, , uid, gid, comment = "", home = "/", shell = defaultShell] = line.split(":");
    if (name === undefined || uid === undefined || gid === undefined) continue;
    users.set(name, { name, uid: Number(uid), gid: Number(gid), comment, home, shell, shadow: masterShadow });
  }
  const groups = new Map<string, Group>();
  for (const line of group.split("\n")) {
    const [name, , gid, members = ""] = line.split(":");
    if (name === undefined || gid === undefined) continue;
    const list = members.split(",").filter((member) => member !== "");
    groups.set(name, { name, gid: Number(gid), members: new Set(list), password: "*" });
  }
  return { users, groups };
}

const masterShadow = `*:${changed}:0:99999:7:::`;

function minimal(): Accounts {
  const root = {
    name: "root",
    uid: 0,
    gid: 0,
    comment: "root",
    home: "/root",
    shell: "/bin/bash",
    shadow: masterShadow,
  };
  const nobody = { name: "nobody", uid: 65534, gid: 65534, comment: "nobody", home: "/nonexistent" };
  return {
    users: new Map([
      ["root", root],
      ["nobody", { ...nobody, shell: defaultShell, shadow: masterShadow }],
    ]),
    groups: new Map([
      ["root", { name: "root", gid: 0, members: new Set<string>(), password: "*" }],
      ["nogroup", { name: "nogroup", gid: 65534, members: new Set<string>(), password: "*" }],
    ]),
  };
}
