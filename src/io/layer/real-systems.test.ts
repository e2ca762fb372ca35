import { execFileSync, spawnSync, type ExecFileSyncOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { needs } from "../../../test/needs.ts";
import { readInventory } from "../../core/inventory/index.ts";
import { openDockerArchive } from "../registry/index.ts";
import { createLayerStore } from "./layer-store.ts";
import { createImageReader } from "./read-image.ts";
import { inventoryOf, membersOf } from "./testdata/read-files.ts";

const home = mkdtempSync(join(tmpdir(), "tidemill-real-"));
afterAll(() => rmSync(home, { recursive: true, force: true }));

function has(...programs: string[]): string | undefined {
  const missing = programs.filter((name) => spawnSync(name, ["--version"]).error !== undefined);
  return missing.length === 0 ? undefined : missing.join(", ");
}
function run(program: string, args: readonly string[], options: ExecFileSyncOptions = {}): string {
  return execFileSync(program, args, { stdio: ["ignore", "pipe", "ignore"], ...options }).toString();
}
function write(folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}
const json = (value: object): string => JSON.stringify(value);
const metadata = (name: string, version: string): string =>
  `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\nText\n`;

/** A Debian system: dpkg's database on a merged /usr, with packages of languages that two of its packages brought. */
function installDebs(root: string): void {
  mkdirSync(join(root, "usr/lib"), { recursive: true });
  symlinkSync("usr/lib", join(root, "lib"));
  write(root, {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
    "var/lib/dpkg/status": "",
    "var/lib/dpkg/info/format": "1\n",
    "var/lib/dpkg/updates/.keep": "",
  });
  const control = (name: string, version: string, more = "") =>
    `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: Nobody <n@example.invalid>\n${more}Description: x\n`;
  const debs = [
    write(join(home, "deb-node"), {
      "DEBIAN/control": control("node-tool", "3.0.0+ds-1"),
      "lib/node_modules/tool/package.json": json({ name: "tool", version: "3.0.0" }),
      "DEBIAN/md5sums": "",
    }),
    write(join(home, "deb-python"), {
      "DEBIAN/control": control("python3-six", "1:1.16.0-4+b1", "Source: six (1.16.0-4)\n"),
      "usr/lib/python3/dist-packages/six-1.16.0.egg-info": metadata("six", "1.16.0"),
      "usr/lib/python3/dist-packages/old-1.0.egg-info/PKG-INFO": metadata("old", "1.0"),
    }),
  ];
  for (const folder of debs) {
    rmSync(join(folder, "DEBIAN/md5sums"), { force: true });
    const deb = `${folder}.deb`;
    run("dpkg-deb", ["--root-owner-group", "-b", folder, deb]);
    run("dpkg", [`--root=${root}`, "--force-all", "--log=/dev/null", "-i", deb]);
  }
}

/** Puts packages that npm packed into an application, one of them scoped, one bundled in another. */
function installNpm(app: string): void {
  const bundle = write(join(home, "npm/bundle"), {
    "package.json": json({
      name: "bundle",
      version: "1.2.3",
      dependencies: { inner: "*" },
      bundleDependencies: ["inner"],
    }),
    "node_modules/inner/package.json": json({ name: "inner", version: "0.0.7" }),
    "test/fixture/package.json": json({ name: "fixture", version: "9.9.9" }),
  });
  const scoped = write(join(home, "npm/scoped"), {
    "package.json": json({ name: "@scope/lib", version: "2.0.0-rc.1" }),
  });
  const packs = [bundle, scoped].map((folder) =>
    join(home, run("npm", ["pack", folder, "--silent"], { cwd: home }).trim()),
  );
  write(app, { "package.json": json({ name: "application", version: "4.5.6" }) });
  run("npm", ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", ...packs], { cwd: app });
}

interface Listed {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, Listed>>;
}

function namesOf({ dependencies = {} }: Listed): string[] {
  return Object.entries(dependencies).flatMap(([name, one]) => [`${name} ${one.version ?? ""}`, ...namesOf(one)]);
}

/** Puts a wheel that is made here where pip puts wheels. */
function installWheel(site: string): void {
  const folder = write(join(home, "wheel"), {
    "wheeled.py": "",
    "wheeled-1.0.post1.dist-info/METADATA": metadata("Wheeled", "1.0.post1"),
    "wheeled-1.0.post1.dist-info/WHEEL": "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "wheeled-1.0.post1.dist-info/RECORD": "",
  });
  const wheel = join(home, "wheeled-1.0.post1-py3-none-any.whl");
  run("python3", ["-m", "zipfile", "-c", wheel, "wheeled.py", "wheeled-1.0.post1.dist-info"], { cwd: folder });
  run("python3", ["-m", "pip", "install", "--no-index", "--no-deps", "--quiet", "--target", site, wheel]);
}

describe("a Debian system with npm and Python on it", () => {
  const root = process.getuid?.() === 0 ? undefined : "root, for dpkg --root";
  needs(has("dpkg-deb", "dpkg-query", "npm", "python3") ?? root)(
    "has the inventory that dpkg-query, npm ls and pip list tell, and knows what is the distribution's",
    async () => {
      const system = join(home, "debian");
      const app = join(system, "srv/app");
      const site = join(system, "usr/local/lib/python3.11/dist-packages");
      installDebs(system);
      installNpm(app);
      installWheel(site);
      const inventory = await inventoryOf(membersOf(system));
      expect([inventory.problems, inventory.status, inventory.os?.codename]).toEqual([[], "complete", "bookworm"]);
      const of = (type: string) => inventory.packages.filter((one) => one.type === type);

      const format = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version}\\n";
      const dpkg = run("dpkg-query", [`--admindir=${system}/var/lib/dpkg`, "-W", "-f", format])
        .trim()
        .split("\n");
      expect(
        of("deb").map((one) => `${one.name} ${one.version} ${one.architecture} ${one.source} ${one.sourceVersion}`),
      ).toEqual(dpkg);
      expect(dpkg).toHaveLength(2);

      const npm = JSON.parse(run("npm", ["ls", "--all", "--json"], { cwd: app })) as Listed & { name: string };
      const own = of("npm").filter(({ path }) => path?.startsWith("srv/app/") === true);
      expect(own.map(({ name, version }) => `${name} ${version}`)).toEqual(
        [`${npm.name} ${npm.version ?? ""}`, ...namesOf(npm)].sort(),
      );
      expect(own.some(({ owner }) => owner !== undefined)).toBe(false);

      const paths = [site, join(system, "usr/lib/python3/dist-packages")].flatMap((path) => ["--path", path]);
      const pip = JSON.parse(run("python3", ["-m", "pip", "list", "--format", "json", ...paths])) as {
        readonly name: string;
        readonly version: string;
      }[];
      expect(
        of("pypi")
          .map(({ name, version }) => `${name} ${version}`)
          .sort(),
      ).toEqual(pip.map(({ name, version }) => `${name} ${version}`).sort());
      expect(inventory.packages.flatMap(({ name, owner }) => (owner === undefined ? [] : [[name, owner]]))).toEqual([
        ["tool", "node-tool"],
        ["old", "python3-six"],
        ["six", "python3-six"],
      ]);

      const newer = { name: "usr/lib/node_modules/tool/package.json", body: json({ name: "tool", version: "8.0.0" }) };
      const gone = { name: "usr/lib/python3/dist-packages/.wh.old-1.0.egg-info", body: "" };
      const torn = { name: "srv/app/node_modules/@scope/lib/package.json", body: "{" };
      const changed = await inventoryOf(membersOf(system), [newer, gone, torn]);
      const tool = changed.packages.find(({ name }) => name === "tool");
      expect([tool?.version, tool?.layer === changed.packages[0]?.layer]).toEqual(["8.0.0", false]);
      expect(changed.packages.some(({ name }) => name === "old")).toBe(false);
      expect([changed.system, changed.status]).toEqual(["complete", "unknown"]);
      expect(changed.problems.join()).toMatch(/@scope\/lib\/package\.json \(sha256:[0-9a-f]+\): it is no JSON/);
    },
    60_000,
  );
});

describe("a Java program", () => {
  needs(has("javac", "jar"))("made by javac and jar tells what was packed into it", async () => {
    const pom = (name: string, version: string) => ({
      [`META-INF/maven/org.example/${name}/pom.properties`]: `version=${version}\ngroupId=org.example\nartifactId=${name}\n`,
    });
    const lib = write(join(home, "java/lib"), { "Lib.java": "public class Lib {}\n", ...pom("lib", "1.0.1") });
    run("javac", ["Lib.java"], { cwd: lib });
    const app = join(home, "java/app");
    write(app, { ...pom("app", "2.0"), "BOOT-INF/lib/x": "" });
    run("jar", ["cf", join(app, "BOOT-INF/lib/lib-1.0.1.jar"), "Lib.class", "META-INF/maven"], { cwd: lib });
    const manifest = write(join(home, "java"), { "plain.mf": "Implementation-Vendor-Id: org.plain\n" });
    run("jar", ["cfm", join(app, "BOOT-INF/lib/plain-3.1.jar"), join(manifest, "plain.mf"), "Lib.class"], { cwd: lib });
    const fat = join(home, "fat.jar");
    run("jar", ["cf0", fat, "."], { cwd: app });
    const inventory = await inventoryOf([{ name: "opt/fat.jar", body: readFileSync(fat) }]);
    expect([inventory.problems, inventory.status]).toEqual([[], "complete"]);
    expect(inventory.packages.map(({ type, name, version, path }) => [type, name, version, path])).toEqual([
      ["maven", "org.example:app", "2.0", "opt/fat.jar"],
      ["maven", "org.example:lib", "1.0.1", "opt/fat.jar!/BOOT-INF/lib/lib-1.0.1.jar"],
      ["maven", "org.plain:plain", "3.1", "opt/fat.jar!/BOOT-INF/lib/plain-3.1.jar"],
    ]);
  });
});

describe("an apk tree", () => {
  const real = "../shared/data/inventories/apk/alpine-3.10.4";
  needs(existsSync(real) ? undefined : "the shared data")("of a real image has the packages that it had", async () => {
    const images = createImageReader(createLayerStore(join(home, "facts")));
    const archive = await openDockerArchive(`${real}/raw/image.docker-archive.tar.gz`);
    try {
      const [tag = ""] = archive.tags;
      const { platforms } = await images.read(archive, tag);
      const [first] = platforms;
      if (first === undefined) throw new Error("no platform");
      const inventory = readInventory(first.tree, first.platform);
      const expected = JSON.parse(readFileSync(`${real}/inventory.json`, "utf8")) as {
        packages: { name: string; version: string; arch: string; source: string; source_version: string }[];
      };
      expect([inventory.problems, inventory.os?.id]).toEqual([[], "alpine"]);
      expect(
        inventory.packages.map((one) => [one.name, one.version, one.architecture, one.source, one.sourceVersion]),
      ).toEqual(
        expected.packages
          .map((one) => [one.name, one.version, one.arch, one.source, one.source_version])
          .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1)),
      );
      expect(inventory.packages.every(({ layer }) => first.tree.layers.includes(layer))).toBe(true);
    } finally {
      await archive.close();
    }
  });

  const sha1 = (text: string) => `Q1${createHash("sha1").update(text).digest("base64")}`;
  const brought = json({ name: "npm", version: "9.1.2" });
  const record =
    `P:npm\nV:9.1.2-r0\nA:x86_64\no:nodejs-npm\nF:usr/lib\nF:usr/lib/node_modules/npm\nR:package.json\nZ:${sha1(brought)}\n\n` +
    "P:.build-deps\nV:20240101.000000\nA:noarch\n\n";

  it.each([
    ["lib/apk/db/installed", brought, "npm"],
    ["usr/lib/apk/db/installed", brought, "npm"],
    ["lib/apk/db/installed", json({ name: "npm", version: "10.0.0" }), undefined],
  ])("made by hand knows its own files: %s", async (path, manifest, owner) => {
    const inventory = await inventoryOf(
      [{ name: "usr/lib/node_modules/npm/package.json", body: manifest }],
      [{ name: path, body: record }],
    );
    expect(inventory.status).toBe("complete");
    const [virtual, apk, npm] = inventory.packages;
    expect(virtual).toMatchObject({ type: "apk", name: ".build-deps" });
    expect(apk).toMatchObject({ type: "apk", name: "npm", source: "nodejs-npm", sourceVersion: "9.1.2-r0" });
    expect(apk?.layer).toBe(npm?.layer);
    expect(npm?.owner).toBe(owner);
  });
});
