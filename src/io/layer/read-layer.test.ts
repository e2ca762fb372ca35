import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { mediaTypes } from "../../core/image/index.ts";
import { sha256 } from "../../lib/index.ts";
import { defaultLayerLimits } from "./limits.ts";
import { readLayer } from "./read-layer.ts";
import { makeTar, memberBlocks, paxRecord, type Member } from "./testdata/make-tar.ts";
import { memorySource } from "./testdata/memory-source.ts";

async function readBytes(blob: Uint8Array, plain: Uint8Array, limits = defaultLayerLimits) {
  const source = memorySource();
  const descriptor = source.put(blob, mediaTypes.layerGzip);
  return readLayer(source, descriptor, { diffId: sha256(plain), limits });
}
async function readMembers(...members: Member[]) {
  const tar = makeTar(members);
  return readBytes(gzipSync(tar), tar);
}

describe("readLayer", () => {
  const tar = makeTar([
    { name: "./", flag: "5" },
    { name: "./etc/", flag: "5", mode: 0o750 },
    { name: "etc/passwd", body: "root:x:0:0::/root:/bin/sh\n" },
    { name: "bin/run", body: "#! /usr/bin/env python3\nprint()\n", mode: 0o755, uid: 7 },
    { name: "bin/go", flag: "2", link: "/bin/run" },
    { name: "bin/hard", flag: "1", link: "./bin/run" },
    { name: "etc/.wh.old", body: "" },
    { name: "srv/.wh..wh..opq", body: "" },
    { name: ".wh..wh.plnk", body: "" },
  ]);

  it.each([
    ["plain", tar],
    ["gzip", gzipSync(tar)],
    [
      "gzip of many members",
      Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700, 701)), gzipSync(tar.subarray(701))]),
    ],
    ["zstd", zstdCompressSync(tar)],
    [
      "zstd of many frames",
      Buffer.concat([zstdCompressSync(tar.subarray(0, 700)), zstdCompressSync(tar.subarray(700))]),
    ],
  ])("reads what is in it: %s", async (_, blob) => {
    const facts = await readBytes(blob, tar);
    expect(facts.entries.map(({ path, type, mode, link }) => [path, type, mode.toString(8), link])).toEqual([
      ["", "directory", "755", undefined],
      ["etc", "directory", "750", undefined],
      ["etc/passwd", "file", "644", undefined],
      ["bin/run", "file", "755", undefined],
      ["bin/go", "symlink", "644", "/bin/run"],
      ["bin/hard", "hardlink", "644", "bin/run"],
    ]);
    expect([facts.whiteouts, facts.opaques, facts.problems]).toEqual([["etc/old"], ["srv"], []]);
    const [passwd, run] = [facts.entries[2], facts.entries[3]];
    expect(Buffer.from(passwd?.content ?? []).toString()).toContain("root:x");
    expect(run).toMatchObject({ shebang: "/usr/bin/env python3", uid: 7, size: 32 });
    expect(run?.sha256).toBe(createHash("sha256").update("#! /usr/bin/env python3\nprint()\n").digest("hex"));
    expect(run?.content).toBeUndefined();
    expect(facts.unpacked).toBe(tar.length);
  });

  it("takes long names from pax and GNU headers, and large numbers", async () => {
    const long = `${"d".repeat(120)}/${"f".repeat(120)}`;
    const facts = await readMembers(
      { name: "short", pax: { path: long, uid: "5000000000", mtime: "1.5" } },
      { name: "././@LongLink", flag: "L", body: `${long}x\0` },
      { name: "cut", body: "1" },
      { name: "././@LongLink", flag: "K", body: `${long}\0` },
      { name: "link", flag: "2" },
      { name: Buffer.from([0x66, 0xff, 0x66]) },
      { name: "ünïcödé" },
    );
    expect(facts.entries.map(({ path, link }) => link ?? path)).toEqual([
      long,
      `${long}x`,
      long,
      "f\u00fff",
      "ünïcödé",
    ]);
    expect(facts.entries[0]?.uid).toBe(5_000_000_000);
  });

  it("reads what the loader reads of a real program", async () => {
    const program = ["/bin/ls", "/usr/bin/ls"].find(existsSync);
    const facts = await readMembers({ name: "bin/ls", body: readFileSync(program ?? ""), mode: 0o755 });
    expect(facts.entries[0]?.elf).toMatchObject({
      bits: 64,
      needed: expect.arrayContaining(["libc.so.6"]) as string[],
    });
    expect(facts.entries[0]?.elf?.interpreter).toMatch(/^\/lib/);
  });

  it("reads a program of which only parts are kept", async () => {
    const program = readFileSync("/bin/ls");
    const large = Buffer.concat([program, Buffer.alloc(40 * 1_048_576, 1)]);
    const facts = await readMembers({ name: "ls", body: large });
    expect(facts.entries[0]?.elf).toMatchObject({ needed: expect.arrayContaining(["libc.so.6"]) as string[] });
  });

  it("survives every damage to a program's headers", async () => {
    const program = readFileSync("/bin/ls");
    for (let at = 0; at < 600; at += 3) {
      const damaged = Buffer.from(program.subarray(0, 20_000));
      damaged[at] = (damaged[at] ?? 0) ^ 0xff;
      const facts = await readMembers({ name: "ls", body: damaged });
      expect(facts.entries).toHaveLength(1);
    }
  });
});

describe("a hostile layer", () => {
  const before = listHost();

  it.each<[string, Member, string, string[]]>([
    ["a path that leaves", { name: "../../tmp/tidemill-escape" }, "escape", []],
    ["a path that leaves in its middle", { name: "a/../../b" }, "escape", []],
    ["an absolute path", { name: "/tmp/tidemill-escape" }, "", ["tmp/tidemill-escape"]],
    ["dots that stay inside", { name: "a/./b/../c" }, "", ["a/c"]],
    ["a hard link out", { name: "x", flag: "1", link: "../../etc/shadow" }, "escape", []],
    ["a link out", { name: "x", flag: "2", link: "../../../etc/shadow" }, "", ["x"]],
    ["a NUL in a path", { name: "x", pax: { path: "a\0b" } }, "bad-name", []],
    ["a NUL in a target", { name: "x", flag: "2", pax: { linkpath: "a\0b" } }, "bad-link", []],
    ["an empty target", { name: "x", flag: "2" }, "bad-link", []],
    ["an empty path", { name: "" }, "bad-name", []],
    ["an empty whiteout", { name: "a/.wh." }, "bad-whiteout", []],
    ["a whiteout of its folder", { name: "a/.wh..." }, "bad-whiteout", []],
    ["a folder named as a whiteout", { name: "a/.wh.b/c" }, "bad-whiteout", []],
    ["a device", { name: "dev/sda", flag: "4", device: [8, 0] }, "device", ["dev/sda"]],
    ["the device that overlays take for a deletion", { name: "etc/passwd", flag: "3" }, "bad-whiteout", []],
    ["a trusted attribute", { name: "a", pax: { "SCHILY.xattr.trusted.overlay.opaque": "y" } }, "xattr", ["a"]],
    ["a path over 4,096 bytes", { name: "x", pax: { path: "p/".repeat(2100) } }, "bad-name", []],
    ["a type of its own", { name: "x", flag: "Z", body: "data" }, "bad-name", []],
    ["a file with holes", { name: "x", pax: { "GNU.sparse.major": "1" } }, "oversized", ["x"]],
  ])("%s is a result, not a crash", async (_, member, problem, paths) => {
    const facts = await readMembers(member, { name: "last" });
    expect(facts.entries.map(({ path }) => path)).toEqual([...paths, "last"]);
    if (problem === "") expect(facts.problems).toEqual([]);
    else expect(facts.problems.map(({ kind }) => kind)).toContain(problem);
  });

  it("names what comes twice", async () => {
    const facts = await readMembers({ name: "a", body: "1" }, { name: "a", body: "2" });
    expect(facts.problems.map(({ kind }) => kind)).toEqual(["duplicate"]);
  });

  it("keeps set-id bits and capabilities as facts", async () => {
    const facts = await readMembers(
      { name: "su", mode: 0o4755 },
      { name: "ping", pax: { "SCHILY.xattr.security.capability": "\u0001" } },
    );
    expect(facts.entries[0]?.mode.toString(8)).toBe("4755");
    expect(facts.entries[1]?.xattrs).toEqual(["security.capability"]);
  });

  it("writes nothing to the host, also as root", async () => {
    await readMembers(
      { name: "out", flag: "2", link: "/tmp" },
      { name: "out/tidemill-escape", body: "written" },
      { name: "../tmp/tidemill-escape" },
      { name: "/tmp/tidemill-escape" },
      { name: "hard", flag: "1", link: "/etc/passwd" },
      { name: "hard", body: "overwritten" },
    );
    expect(listHost()).toEqual(before);
  });

  it.each<[string, Buffer]>([
    ["cut within a header", makeTar([{ name: "a" }]).subarray(0, 300)],
    ["cut within a file", makeTar([{ name: "a", body: "x".repeat(5000) }]).subarray(0, 2000)],
    ["a wrong checksum", Buffer.concat([Buffer.from("x"), makeTar([{ name: "a" }]).subarray(1)])],
    ["a size that is none", Buffer.concat(memberBlocks({ name: "a" })).fill("9", 124, 135)],
    ["a file that says it is longer", Buffer.concat(memberBlocks({ name: "a", body: "1", size: 4096 }))],
    ["no archive at all", Buffer.from("these are no tar blocks ".repeat(100))],
    ["a torn extended header", makeTar([{ name: "x", flag: "x", body: "99 path=a\n" }, { name: "a" }])],
    ["an extended header without a length", makeTar([{ name: "x", flag: "x", body: " path=a\n" }, { name: "a" }])],
    [
      "an extended header and no member",
      Buffer.concat(memberBlocks({ name: "x", flag: "x", body: paxRecord("path", "a") })),
    ],
    ["an endless extended header", makeTar([{ name: "x", flag: "x", body: Buffer.alloc(1_100_000) }])],
  ])("is refused where it is torn: %s", async (_, tar) => {
    await expect(readBytes(gzipSync(tar), tar)).rejects.toMatchObject({ code: "LAYER_CORRUPT" });
  });

  it("is refused where its compression is torn, or wrong", async () => {
    const tar = makeTar([{ name: "a", body: "x".repeat(100_000) }]);
    for (const packed of [gzipSync(tar), zstdCompressSync(tar)]) {
      await expect(readBytes(packed.subarray(0, packed.length - 20), tar)).rejects.toMatchObject({
        code: "LAYER_CORRUPT",
      });
      const damaged = Buffer.from(packed);
      damaged.fill(0xff, 40, 60);
      await expect(readBytes(damaged, tar)).rejects.toMatchObject({ code: "LAYER_CORRUPT" });
    }
  });

  it("is refused where it is not the layer of the config", async () => {
    const tar = makeTar([{ name: "a" }]);
    await expect(readBytes(gzipSync(tar), makeTar([{ name: "b" }]))).rejects.toMatchObject({
      code: "DIFF_ID_MISMATCH",
    });
  });

  it("stops at the number of entries and of names", async () => {
    const tar = makeTar(Array.from({ length: 50 }, (_, at) => ({ name: `f${at}` })));
    const limit = { code: "LAYER_TOO_LARGE" };
    await expect(readBytes(gzipSync(tar), tar, { ...defaultLayerLimits, entries: 49 })).rejects.toMatchObject(limit);
    await expect(readBytes(gzipSync(tar), tar, { ...defaultLayerLimits, names: 100 })).rejects.toMatchObject(limit);
    await expect(readBytes(gzipSync(tar), tar, { ...defaultLayerLimits, compressed: 50 })).rejects.toMatchObject(limit);
    await expect(readBytes(gzipSync(tar), tar, { ...defaultLayerLimits, unpacked: 5000 })).rejects.toMatchObject(limit);
  });

  it("keeps no database that is too large, and says so", async () => {
    const tar = makeTar([{ name: "var/lib/dpkg/status", body: "x".repeat(2000) }]);
    const facts = await readBytes(gzipSync(tar), tar, { ...defaultLayerLimits, keptFile: 1000 });
    expect(facts.entries[0]?.content).toBeUndefined();
    expect(facts.problems).toMatchObject([{ kind: "oversized", path: "var/lib/dpkg/status" }]);
  });
});

/** Where the members above would land if anything were ever written. */
function listHost(): string[] {
  return [...readdirSync("/"), ...readdirSync("/tmp").filter((name) => name.includes("tidemill-escape"))];
}
