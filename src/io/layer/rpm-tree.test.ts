import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, describe, expect } from "vitest";
import { needs } from "../../../test/needs.ts";
import { readSqliteTable } from "../../core/inventory/content/sqlite.ts";
import { contentRecognisers } from "../../core/inventory/index.ts";
import { inventoryOf, membersOf } from "./testdata/read-files.ts";

const hasRpm = spawnSync("rpmbuild", ["--version"]).status === 0 && spawnSync("rpm", ["--version"]).status === 0;
const missing = hasRpm ? (process.getuid?.() === 0 ? undefined : "root, for rpm --root") : "rpm and rpmbuild";
const home = mkdtempSync(join(tmpdir(), "tidemill-rpm-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

const spec = `
Name: libsmall
Epoch: 2
Version: 1.4
Release: 3.el9
Summary: Two packages of one source
License: MIT
BuildArch: noarch
ModularityLabel: small:18:8070020230306170237:a75119d5
%description
A library.
%package -n small-tools
Summary: Its tools
Epoch: 0
%description -n small-tools
Tools.
%install
mkdir -p %{buildroot}/usr/lib/node_modules/tool/node_modules/dep %{buildroot}/usr/share/libsmall
echo '{"name":"tool","version":"3.0.0"}' > %{buildroot}/usr/lib/node_modules/tool/package.json
echo '{"name":"dep","version":"0.1.0"}' > %{buildroot}/usr/lib/node_modules/tool/node_modules/dep/package.json
for i in $(seq 400); do echo $i > %{buildroot}/usr/share/libsmall/a-file-with-a-long-name-so-that-the-header-needs-pages-of-its-own-$i; done
%files
/usr/share/libsmall
%files -n small-tools
/usr/lib/node_modules
`;

const sqlitePath = "var/lib/rpm/rpmdb.sqlite";
const ndbPath = "var/lib/rpm/Packages.db";
let built: string[] | undefined;

/** Makes the packages once. */
function buildPackages(): string[] {
  if (built !== undefined) return built;
  writeFileSync(join(home, "small.spec"), spec);
  execFileSync("rpmbuild", ["-bb", "--define", `_topdir ${home}/build`, join(home, "small.spec")], { stdio: "ignore" });
  const folder = join(home, "build/RPMS/noarch");
  built = execFileSync("ls", [folder], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((name) => join(folder, name));
  return built;
}

/** Where the packages are installed, and what rpm says is there: once. */
function install(): { root: string; said: string[] } {
  const root = join(home, "root");
  const common = ["--root", root, "--dbpath", "/var/lib/rpm", "--define", "_db_backend sqlite"];
  if (built === undefined) {
    const packages = buildPackages();
    mkdirSync(join(root, "etc"), { recursive: true });
    writeFileSync(join(root, "etc/os-release"), 'ID=rhel\nVERSION_ID="9.2"\n');
    execFileSync("rpm", [...common, "--nodeps", "--noscripts", "-i", ...packages], { stdio: "ignore" });
  }
  const format = "%{NAME} %|EPOCH?{%{EPOCH}:}:{}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM}\\n";
  const said = execFileSync("rpm", [...common, "-qa", "--qf", format], { encoding: "utf8" });
  return { root, said: said.trim().split("\n").sort() };
}

/** The same headers as SUSE's rpm keeps them; Debian's cannot write that. rpm, lib/backend/ndb/rpmpkg.c. */
function asNdb(sqlite: Buffer): Buffer {
  const blobs = readSqliteTable(sqlite, "Packages").rows.map(([, blob]) => Buffer.from(blob as Uint8Array));
  const head = Buffer.alloc(4096);
  head.write("RpmP");
  head.writeUInt32LE(1, 12);
  const parts = [head];
  let block = 256;
  for (let at = 32; at < 4096; at += 16) head.write("Slot", at);
  blobs.forEach((blob, index) => {
    const blocks = Math.ceil((16 + blob.length + 12) / 16);
    const at = 32 + index * 16;
    head.writeUInt32LE(index + 1, at + 4);
    head.writeUInt32LE(block, at + 8);
    head.writeUInt32LE(blocks, at + 12);
    const body = Buffer.alloc(blocks * 16);
    body.write("BlbS");
    body.writeUInt32LE(index + 1, 4);
    body.writeUInt32LE(blob.length, 12);
    blob.copy(body, 16);
    parts.push(body);
    block += blocks;
  });
  return Buffer.concat(parts);
}

describe("a tree that rpm installed", () => {
  needs(missing)("has the inventory that rpm -qa tells", async () => {
    const { root, said } = install();
    const inventory = await inventoryOf(membersOf(root));
    expect([inventory.problems, inventory.status, inventory.system]).toEqual([[], "complete", "complete"]);
    const rpms = inventory.packages.filter(({ type }) => type === "rpm");
    expect(
      rpms.map(
        ({ name, version, architecture, source, sourceVersion }) =>
          `${name} ${version} ${architecture} ${source}-${sourceVersion}.src.rpm`,
      ),
    ).toEqual(said.map((line) => line.replace(" 0:", " ")));
    expect(rpms.map(({ name, module }) => [name, module])).toEqual([
      ["libsmall", "small:18"],
      ["small-tools", "small:18"],
    ]);
    expect(inventory.packages.filter(({ type }) => type === "npm").map(({ name, owner }) => [name, owner])).toEqual([
      ["dep", "small-tools"],
      ["tool", "small-tools"],
    ]);
  });

  needs(missing)("is the same in the form that SUSE's rpm writes", async () => {
    const members = membersOf(install().root);
    const { packages } = await inventoryOf(members);
    const database = members.find(({ name }) => name === sqlitePath)?.body as Buffer;
    const others = members.filter(({ name }) => !String(name).startsWith("var/lib/rpm/"));
    const inventory = await inventoryOf([...others, { name: ndbPath, body: asNdb(database) }]);
    const bare = (list: typeof packages) => list.map((one) => ({ ...one, layer: undefined }));
    expect([inventory.system, bare(inventory.packages)]).toEqual(["complete", bare(packages)]);
  });

  needs(missing)("says what is no longer the package's, and that changes are in a log", async () => {
    const own = { name: "usr/lib/node_modules/tool/package.json", body: '{"name":"tool","version":"9.0.0"}' };
    const log = { name: `${sqlitePath}-wal`, body: "changes" };
    const inventory = await inventoryOf(membersOf(install().root), [own, log]);
    const tool = inventory.packages.find(({ name }) => name === "tool");
    expect([tool?.version, tool?.owner, inventory.system]).toEqual(["9.0.0", undefined, "unknown"]);
    expect(inventory.problems.join()).toContain("rpmdb.sqlite-wal");
    expect(new Set(inventory.packages.filter(({ type }) => type === "rpm").map(({ layer }) => layer)).size).toBe(1);
  });

  needs(missing)(
    "is unknown where its database is cut, and never hangs or throws where bytes of it are changed",
    () => {
      const database = membersOf(install().root).find(({ name }) => name === sqlitePath)?.body as Buffer;
      for (const [path, bytes] of [
        [sqlitePath, database],
        [ndbPath, asNdb(database)],
      ] as const) {
        const read = (content: Buffer) => contentRecognisers.rpm.read(content, path);
        expect([read(bytes)?.packages.length, read(bytes)?.problem]).toEqual([2, undefined]);
        for (let end = 0; end < bytes.length; end += 499) {
          const cut = read(bytes.subarray(0, end));
          if ((cut?.packages.length ?? 0) < 2) expect([end, cut?.problem]).not.toEqual([end, undefined]);
        }
        const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.nat(255) });
        fc.assert(
          fc.property(fc.array(change, { minLength: 1, maxLength: 20 }), (changes) => {
            const changed = Buffer.from(bytes);
            for (const { at, to } of changes) changed[at] = to;
            void read(changed);
          }),
          { numRuns: 300 },
        );
      }
    },
  );
});
