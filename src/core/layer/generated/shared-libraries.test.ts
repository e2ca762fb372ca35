import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { needs } from "../../../../test/needs.ts";
import type { PackageFacts, SharedLibrary } from "../types.ts";
import { ImageTree } from "./image-tree.ts";
import { compareSonames, encodeLoaderCache } from "./loader-cache.ts";
import { addSharedLibraries } from "./shared-libraries.ts";
import { makeLibrary } from "./testdata/make-elf.ts";
import { makeFacts } from "./testdata/make-facts.ts";

const multiarch = "usr/lib/x86_64-linux-gnu";
const libraries: readonly SharedLibrary[] = [
  [`${multiarch}/libc.so.6`, "libc.so.6"],
  [`${multiarch}/libplain.so`, ""],
  [`${multiarch}/libssl.so.3.0.1`, "libssl.so.3"],
  [`${multiarch}/libold.so.1.9`, "libold.so.1"],
  [`${multiarch}/libold.so.1.10`, "libold.so.1"],
  [`${multiarch}/ld-linux-x86-64.so.2`, "ld-linux-x86-64.so.2"],
  [`${multiarch}/notalib.so`, "notalib.so"],
  [`${multiarch}/deep/libdeep.so.1`, "libdeep.so.1"],
  [`${multiarch}/glibc-hwcaps/x86-64-v3/libssl.so.3.0.1`, "libssl.so.3"],
  [`${multiarch}/glibc-hwcaps/x86-64-v2/libssl.so.3.0.1`, "libssl.so.3"],
  ["usr/lib/libssl.so.3", "libssl.so.3"],
  ["opt/first/libc.so.6", "libc.so.6"],
].map(([path = "", soname = ""]) => ({ path, soname, bits: 64, machine: 62 }));
const all: readonly SharedLibrary[] = [
  ...libraries,
  { path: `${multiarch}/libarm.so.1`, soname: "libarm.so.1", bits: 64, machine: 183 },
];
const conf = {
  "etc/ld.so.conf": "# first\ninclude /etc/ld.so.conf.d/*.conf\n",
  "etc/ld.so.conf.d/a.conf": "/opt/first/\n/gone\n",
  "etc/ld.so.conf.d/z.conf": `/${multiarch}\n/lib/x86_64-linux-gnu # twice\n`,
};
const links = [`${multiarch}/libssl.so -> libssl.so.3`, `${multiarch}/liblink.so.7 -> deep/libdeep.so.1`];

function packages(version: string): PackageFacts[] {
  return [
    makeFacts("libs", [...all.map(({ path }) => path), ...links, "usr/lib/", `${multiarch}/`, "opt/first/"], {
      libraries: all,
    }),
    makeFacts("libc-bin", [], { version, kept: conf }),
  ].map((facts) => ({ ...facts, entries: withFolders(facts) }));
}

/** A folder for each that its files are in. */
function withFolders({ entries }: PackageFacts): PackageFacts["entries"] {
  const folders = new Set(entries.map(({ path }) => dirname(path)));
  const shape = { kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime: 0, size: 0, at: 0 } as const;
  const known = new Set(entries.map(({ path }) => path));
  return [...[...folders].filter((path) => !known.has(path)).map((path) => ({ ...shape, path })), ...entries];
}

function made(version: string): { cache: Buffer; links: Record<string, string> } {
  const tree = new ImageTree(packages(version));
  addSharedLibraries(tree, "amd64");
  const entries = tree.entries();
  return {
    cache: entries.find(({ path }) => path === "etc/ld.so.cache")?.content ?? Buffer.alloc(0),
    links: Object.fromEntries(entries.flatMap(({ path, link }) => (link === undefined ? [] : [[path, link]]))),
  };
}

describe("compareSonames", () => {
  it.each([
    ["libc.so.6", "libc.so.10", -1],
    ["libc.so.6", "libc.so.6", 0],
    ["libc.so.6", "libc.so", 1],
    ["libc.so", "libc.so.6", -1],
    ["lib1", "liba", 1],
    ["liba", "lib1", -1],
    ["libb", "liba", 1],
  ])("%s to %s is %d", (a, b, sign) => expect(Math.sign(compareSonames(a, b))).toBe(sign));
});

describe("addSharedLibraries", () => {
  it("makes the links for sonames that no package ships, to the newest file", () => {
    expect(made("2.36-9").links).toEqual({
      [`${multiarch}/libold.so.1`]: "libold.so.1.10",
      [`${multiarch}/libssl.so.3`]: "libssl.so.3.0.1",
      [`${multiarch}/libdeep.so.1`]: "liblink.so.7",
    });
  });

  it("makes nothing where there is no ldconfig, or one of an architecture that is not known", () => {
    for (const [without, architecture] of [
      ["libc-bin", "amd64"],
      ["", "s390x"],
    ] as const) {
      const tree = new ImageTree(packages("1").filter(({ name }) => name !== without));
      addSharedLibraries(tree, architecture);
      expect(tree.entries()).toEqual([]);
    }
  });

  it("marks libraries of arm64 as such", () => {
    const cache = encodeLoaderCache([{ soname: "libc.so.6", path: "/lib/libc.so.6", flags: 0x0a03 }], "test");
    expect(cache.toString("latin1", 0, 20)).toBe("glibc-ld.so.cache1.1");
    expect(cache.readUInt32LE(48)).toBe(0x0a03);
  });

  needs(missingLdconfig())("writes the bytes and makes the links of ldconfig", async () => {
    const root = await mkdtemp(join(tmpdir(), "tidemill-ldconfig-"));
    try {
      for (const { path, soname, bits, machine } of all) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), makeLibrary(soname, { bits, machine }), { mode: 0o755 });
      }
      for (const [path, text] of Object.entries(conf)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), text);
      }
      await symlink("usr/lib", join(root, "lib"));
      for (const link of links) await symlink(link.split(" -> ")[1] ?? "", join(root, link.split(" -> ")[0] ?? ""));
      const [, version = ""] = /GLIBC ([^)]+)\)/.exec(ldconfig("--version")) ?? [];
      ldconfig("-i", "-r", root);

      const ours = made(version);
      const real: Record<string, string> = {};
      for (const folder of [multiarch, "usr/lib", "opt/first"])
        for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
          const path = `${folder}/${entry.name}`;
          if (entry.isSymbolicLink() && !links.some((link) => link.startsWith(`${path} `)))
            real[path] = await readlink(join(root, path));
        }
      expect(ours.links).toEqual(real);
      const cache = await readFile(join(root, "etc/ld.so.cache"));
      await writeFile(join(root, "ours"), ours.cache);
      const listed = (file: string): string[] => ldconfig("-p", "-C", join(root, file)).split("\n").slice(1);
      expect(listed("ours")).toEqual(listed("etc/ld.so.cache"));
      expect(ours.cache.toString("latin1")).toBe(cache.toString("latin1"));
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
});

function ldconfig(...args: string[]): string {
  return execFileSync("/sbin/ldconfig", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
}

function missingLdconfig(): string | undefined {
  try {
    return process.arch === "x64" && /GLIBC 2\.(?:3[3-9]|[4-9])/.test(ldconfig("--version"))
      ? undefined
      : "ldconfig of glibc 2.33 on x86-64";
  } catch {
    return "there is no ldconfig";
  }
}
