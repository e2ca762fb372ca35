import { describe, expect, it } from "vitest";
import { ImageTree } from "./image-tree.ts";
import { addPam } from "./pam.ts";
import { makeFacts } from "./testdata/make-facts.ts";

const template = (type: string): string => `# common-${type}
# here are the per-package modules (the "Primary" block)
$${type}_primary
# here's the fallback if no module succeeds
${type}\trequisite\t\t\tpam_deny.so
# and here are more per-package modules (the "Additional" block)
$${type}_additional
# end of pam-auth-update config
`;
const profiles: Readonly<Record<string, string>> = {
  krb5: `Name: Kerberos authentication
Default: yes
Priority: 704
Conflicts: krb5-openafs
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_krb5.so minimum_uid=1000 try_first_pass
Auth-Initial:
	[success=end default=ignore]	pam_krb5.so minimum_uid=1000
Account-Type: Additional
Account:
	required			pam_krb5.so minimum_uid=1000
Password-Type: Primary
Password:
	requisite	pam_check.so
	[success=end default=ignore]	pam_krb5.so minimum_uid=1000 try_first_pass use_authtok
Password-Initial:
	requisite	pam_check.so
	[success=end default=ignore]	pam_krb5.so minimum_uid=1000
Session-Type: Additional
Session-Interactive-Only: yes
Session:
	optional			pam_krb5.so minimum_uid=1000
`,
  "krb5-openafs": `Name: Lower
Default: yes
Priority: 100
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_lower.so
`,
  mkhomedir: `Name: Create home directory on login
Default: no
Priority: 0
Session-Type: Additional
Session-Interactive-Only: yes
Session:
	optional			pam_mkhomedir.so
`,
  unix: `Name: Unix authentication
Default: yes
Priority: 256
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_unix.so nullok try_first_pass
Auth-Initial:
	[success=end default=ignore]	pam_unix.so nullok
Account-Type: Primary
Account:
	[success=end new_authtok_reqd=done default=ignore]	pam_unix.so
Account-Initial:
	[success=end new_authtok_reqd=done default=ignore]	pam_unix.so
Session-Type: Additional
Session:
	required	pam_unix.so
Session-Initial:
	required	pam_unix.so
Password-Type: Primary
Password:
	[success=end default=ignore]	pam_unix.so obscure use_authtok try_first_pass yescrypt
Password-Initial:
	[success=end default=ignore]	pam_unix.so obscure yescrypt
`,
};

function made(names: readonly string[]): Map<string, string> {
  const kinds = ["auth", "account", "password", "session", "session-noninteractive"];
  const kept = Object.fromEntries([
    ...kinds.map((kind) => [`usr/share/pam/common-${kind}`, template(kind.replace("-noninteractive", ""))]),
    ...names.map((name) => [`usr/share/pam-configs/${name}`, profiles[name] ?? ""]),
  ]) as Record<string, string>;
  const tree = new ImageTree([makeFacts("libpam-runtime", [], { kept })]);
  addPam(tree);
  return new Map(tree.entries().map(({ path, content }) => [path.replace(/.*\//, ""), content?.toString() ?? ""]));
}

/** The lines of modules, without those of the template. */
function modules(text: string | undefined): string[] {
  return (text ?? "").split("\n").filter((line) => line !== "" && !line.startsWith("#") && !line.includes("pam_deny"));
}

// What pam-auth-update of libpam-runtime 1.5.2-6 made of the same profiles.
describe("addPam", () => {
  it("stacks the profiles by priority, leaves out the lower of two that conflict, and counts the jumps", () => {
    const files = made(["krb5", "krb5-openafs", "mkhomedir", "unix"]);
    expect(modules(files.get("common-auth"))).toEqual([
      "auth\t[success=2 default=ignore]\tpam_krb5.so minimum_uid=1000",
      "auth\t[success=1 default=ignore]\tpam_unix.so nullok try_first_pass",
    ]);
    expect(modules(files.get("common-account"))).toEqual([
      "account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so ",
      "account\trequired\t\t\tpam_krb5.so minimum_uid=1000",
    ]);
    expect(modules(files.get("common-password"))).toEqual([
      "password\trequisite\tpam_check.so ",
      "password\t[success=2 default=ignore]\tpam_krb5.so minimum_uid=1000",
      "password\t[success=1 default=ignore]\tpam_unix.so obscure use_authtok try_first_pass yescrypt",
    ]);
    expect(modules(files.get("common-session"))).toEqual([
      "session\t[default=1]\t\t\tpam_permit.so",
      "session\toptional\t\t\tpam_krb5.so minimum_uid=1000",
      "session\trequired\tpam_unix.so ",
    ]);
    expect(modules(files.get("common-session-noninteractive"))).toEqual([
      "session\t[default=1]\t\t\tpam_permit.so",
      "session\trequired\tpam_unix.so ",
    ]);
  });

  it("notes what it did, for pam-auth-update", () => {
    const files = made(["krb5", "krb5-openafs", "mkhomedir", "unix"]);
    expect(files.get("seen")).toBe("krb5\nunix\nkrb5-openafs\nmkhomedir\n");
    expect(files.get("account")).toBe(
      "Module: unix\n[success=end new_authtok_reqd=done default=ignore]\tpam_unix.so\nModule: krb5\nrequired\t\t\tpam_krb5.so minimum_uid=1000\n",
    );
    expect(files.get("session-noninteractive")).toBe(
      "Module: null\n[default=1]\t\t\tpam_permit.so\nModule: unix\nrequired\tpam_unix.so\n",
    );
  });

  it("keeps the template's own lines, in their order", () => {
    expect(made(["unix"]).get("common-auth")).toBe(
      template("auth")
        .replace("$auth_primary", "auth\t[success=1 default=ignore]\tpam_unix.so nullok")
        .replace("$auth_additional\n", ""),
    );
  });

  it("makes nothing without libpam-runtime", () => {
    const tree = new ImageTree([makeFacts("libpam-modules")]);
    addPam(tree);
    expect(tree.entries()).toEqual([]);
  });
});
