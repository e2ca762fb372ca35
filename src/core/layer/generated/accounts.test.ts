import { describe, expect, it } from "vitest";
import type { PackageFacts } from "../types.ts";
import { accountsToAllocate, addAccounts, type AccountWish } from "./accounts.ts";
import { ImageTree } from "./image-tree.ts";
import { makeFacts } from "./testdata/make-facts.ts";

const basePasswd = makeFacts("base-passwd", [], {
  kept: {
    "usr/share/base-passwd/passwd.master":
      "root:*:0:0:root:/root:/bin/bash\nwww-data:*:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    "usr/share/base-passwd/group.master": "root:*:0:\nwww-data:*:33:\nshadow:*:42:\nnogroup:*:65534:\n",
  },
});
const passwd = makeFacts("passwd");
const sysusers = (text: string): PackageFacts =>
  makeFacts("daemon", [], { kept: { "usr/lib/sysusers.d/daemon.conf": text } });
const app: AccountWish = { name: "app", uid: 10001, home: "/home/app", shell: "/usr/sbin/nologin" };

function made(packages: readonly PackageFacts[], wishes: readonly AccountWish[] = []): Map<string, string> {
  const tree = new ImageTree(packages);
  const names = accountsToAllocate(packages);
  addAccounts(tree, wishes, new Map(names.map((name, at) => [name, { uid: 500 + at, gid: 600 + at }])));
  return new Map(
    tree
      .entries()
      .map(({ path, kind, mode, uid, gid, content }) => [
        path,
        kind === "file" && mode === 0o644
          ? (content?.toString() ?? "")
          : `${kind} ${mode.toString(8)} ${uid}:${gid}\n${content?.toString() ?? ""}`,
      ]),
  );
}

describe("accounts", () => {
  it("are those of base-passwd as they stand there, without the package passwd", () => {
    const files = made([basePasswd]);
    expect(files.get("etc/passwd")).toBe(basePasswd.kept["usr/share/base-passwd/passwd.master"]);
    expect(files.get("etc/group")).toBe(basePasswd.kept["usr/share/base-passwd/group.master"]);
    expect([...files.keys()]).toEqual(["etc", "etc/group", "etc/passwd"]);
  });

  it("have a shadow that only its group may read and no password opens, with the package passwd", () => {
    const files = made([basePasswd, passwd], [app]);
    expect(files.get("etc/passwd")).toContain("root:x:0:0:root:/root:/bin/bash\n");
    expect(files.get("etc/shadow")).toBe(
      "file 640 0:42\nroot:*:10957:0:99999:7:::\nwww-data:*:10957:0:99999:7:::\nnobody:*:10957:0:99999:7:::\napp:!:10957:0:99999:7:::\n",
    );
    expect(files.get("etc/gshadow")).toContain("file 640 0:42\nroot:*::\n");
  });

  it("are none without base-passwd, but root and nobody beside one that is asked for", () => {
    expect(made([passwd]).size).toBe(0);
    const files = made([], [app]);
    expect(files.get("etc/passwd")).toBe(
      "root:*:0:0:root:/root:/bin/bash\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\napp:*:10001:10001::/home/app:/usr/sbin/nologin\n",
    );
    expect(files.get("etc/group")).toBe("root:*:0:\nnogroup:*:65534:\napp:*:10001:\n");
    expect(files.get("home/app")).toBe("directory 755 10001:10001\n");
  });

  it("of the configuration go before those of packages, and take a group that is there", () => {
    const files = made([basePasswd], [{ ...app, name: "www-data", uid: 1033, gid: 42, home: "/nonexistent" }]);
    expect(files.get("etc/passwd")).toContain("www-data:*:1033:42::/nonexistent:");
    expect(files.get("etc/passwd")?.match(/www-data/g)).toHaveLength(1);
    expect(files.get("etc/group")).toBe(basePasswd.kept["usr/share/base-passwd/group.master"]);
    expect(files.has("nonexistent")).toBe(false);
  });

  it("of packages have the numbers that are fixed, else those that were allocated", () => {
    const packages = [
      basePasswd,
      passwd,
      makeFacts("apt"),
      makeFacts("openssh-client"),
      makeFacts("postgresql-common"),
      makeFacts("ssl-cert"),
      sysusers('g render -\ng fixed 77\nu worker 88 "A worker" /srv -\nu! guest -:nogroup\nm guest fixed\nu root 0\n'),
    ];
    expect(accountsToAllocate(packages)).toEqual(["_ssh", "guest", "postgres", "render", "ssl-cert"]);
    const files = made(packages);
    expect(files.get("etc/passwd")?.split("\n").slice(3, -1)).toEqual([
      "worker:x:88:88:A worker:/srv:/usr/sbin/nologin",
      "guest:x:501:65534::/:/usr/sbin/nologin",
      "_apt:x:42:65534::/nonexistent:/usr/sbin/nologin",
      "postgres:x:502:602:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash",
    ]);
    expect(files.get("etc/shadow")?.split("\n").slice(4, -1)).toEqual([
      "worker:!*:10957::::::",
      "guest:!*:10957:::::1:",
      "_apt:!:10957::::::",
      "postgres:!:10957::::::",
    ]);
    expect(files.get("etc/group")?.split("\n").slice(4, -1)).toEqual([
      "render:x:603:",
      "fixed:x:77:guest",
      "worker:x:88:",
      "_ssh:x:600:",
      "postgres:x:602:",
      "ssl-cert:x:604:postgres",
    ]);
  });

  it("without a number are refused", () => {
    const tree = new ImageTree([basePasswd, makeFacts("openssh-client")]);
    expect(() => addAccounts(tree, [], new Map())).toThrow("no numbers were allocated for _ssh");
  });

  it("of hostile names or lines are none", () => {
    const files = made([
      basePasswd,
      sysusers('u evil:0:0 - \nu - 0\nu a"b 5\nx y z\nu\n\0\nu ok 5 "x:y\tz" /a:/b sh\n'),
    ]);
    expect(files.get("etc/passwd")?.split("\n").slice(3, -1)).toEqual(["ok:*:5:5:x y z:/:/usr/sbin/nologin"]);
  });
});
