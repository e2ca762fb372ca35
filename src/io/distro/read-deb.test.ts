import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { array, assert, asyncProperty, boolean, nat, option, tuple } from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ending, makeAr, makeDeb, pack, type Packing } from "../../../test/fakes/make-deb.ts";
import { needs } from "../../../test/needs.ts";
import { PackageCollector, tarFile, tarTrailer } from "../../core/layer/index.ts";
import { DistroError, parseDebFile, readDeb, type DebFile, type DebLimits } from "./index.ts";

const limits: DebLimits = { file: 100_000, control: 20_000, data: 50_000, entries: 10 };
const dir = mkdtempSync(join(tmpdir(), "tidemill-deb-"));
const binary: readonly [string, Buffer] = ["debian-binary", Buffer.from("2.0\n")];
let control: Buffer, data: Buffer, good: Buffer;

beforeAll(async () => {
  control = tar(["./control", "Package: lamp\nVersion: 1.0\nArchitecture: amd64\n"]);
  data = tar(["./usr/bin/lamp", "light"]);
  good = makeAr([binary, ["control.tar", control], ["data.tar", data]]);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

function tar(...files: readonly (readonly [path: string, content: string])[]): Buffer {
  const parts = files.map(([path, content]) =>
    tarFile({ path, kind: "file", mode: 0o644, uid: 0, gid: 0, mtime: 0 }, content),
  );
  return Buffer.concat([...parts, tarTrailer]);
}

async function pathsOf(deb: DebFile): Promise<string[]> {
  const collector = new PackageCollector(deb.what);
  await deb.readData(collector);
  return collector.entries.map(({ path }) => path);
}

/** Reads all of a package, as who converts it does. */
const readAll = async (bytes: Buffer): Promise<string[]> => pathsOf(await parseDebFile(bytes, "lamp.deb", limits));

describe("readDeb", () => {
  it.each<Packing>(["xz", "gz", "zst", "none"])("reads control and data that are packed as %s", async (packing) => {
    const entries = [{ path: "usr/bin/lamp", content: "light" }];
    const members = { postinst: "#!/bin/sh\n" };
    const made = await makeDeb({ name: "lamp", version: "1:1.0-1", entries, members, packing });
    const path = join(dir, `${packing}.deb`);
    await writeFile(path, made.bytes);
    const deb = await readDeb(path);
    expect(deb.control.get("package")).toBe("lamp");
    expect(deb.control.get("version")).toBe("1:1.0-1");
    expect(deb.members.get("postinst")?.toString()).toBe("#!/bin/sh\n");
    expect(await pathsOf(deb)).toEqual(["usr", "usr/bin", "usr/bin/lamp"]);
  });

  it("passes over members of others, which begin with an underscore", async () => {
    const [head, ...rest] = [binary, ["control.tar", control], ["data.tar", data]] as const;
    expect(await readAll(makeAr([head, ["_gpgorigin", Buffer.from("x")], ...rest]))).toEqual(["usr/bin/lamp"]);
  });

  it("refuses a file above the limit without reading it", async () => {
    const path = join(dir, "large.deb");
    await writeFile(path, Buffer.alloc(limits.file + 1));
    await expect(readDeb(path, limits)).rejects.toMatchObject({ code: "TOO_LARGE" });
  });
});

const hostile: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  "that is empty": () => Buffer.alloc(0),
  "that is no archive": () => Buffer.from("PK\x03\x04 and more of something else".repeat(10)),
  "that ends after its magic": () => good.subarray(0, 8),
  "that ends within a header": () => good.subarray(0, 40),
  "that ends within a member": () => good.subarray(0, good.length - 700),
  "with a header that is torn": () => edit(good, 66, "XX"),
  "with a size that is negative": () => edit(good, 8 + 48, "-4"),
  "with a size in hexadecimal": () => edit(good, 8 + 48, "0x4"),
  "with a size past the end": () => edit(good, 8 + 48, "9999999999"),
  "with a size that swallows the next member": () => edit(good, 8 + 48, "100"),
  "with seventeen members": () => makeAr(Array.from({ length: 17 }, () => binary)),
  "of format 3": () =>
    makeAr([
      ["debian-binary", Buffer.from("3.0\n")],
      ["control.tar", control],
      ["data.tar", data],
    ]),
  "that begins with something else": () => makeAr([["control.tar", control], binary, ["data.tar", data]]),
  "without control": () => makeAr([binary, ["data.tar", data]]),
  "without data": () => makeAr([binary, ["control.tar", control]]),
  "packed in an unknown way": () => makeAr([binary, ["control.tar", control], ["data.tar.rar", data]]),
  "whose control is no tar": () => makeAr([binary, ["control.tar", Buffer.alloc(2048, "x")], ["data.tar", data]]),
  "whose control has no control file": () => withControl(tar(["./postinst", "true"])),
  "whose control file is empty": () => withControl(tar(["./control", ""])),
  "whose control file is no control file": () => withControl(tar(["./control", "Package lamp\n"])),
  "whose control has folders": () => withControl(tar(["./control", "Package: lamp\n"], ["./a/b", ""])),
  "whose control climbs": () => withControl(tar(["./control", "Package: lamp\n"], ["../../etc/passwd", ""])),
  "whose control ends within a file": () => withControl(control.subarray(0, 520)),
  "whose data ends within a file": () =>
    makeAr([binary, ["control.tar", control], ["data.tar", data.subarray(0, 514)]]),
  "whose data has a wrong checksum": () =>
    makeAr([binary, ["control.tar", control], ["data.tar", edit(data, 10, "Z")]]),
  "whose xz is cut": () => withPacked("xz", (bytes) => bytes.subarray(0, bytes.length - 8)),
  "whose gzip is cut": () => withPacked("gz", (bytes) => bytes.subarray(0, bytes.length - 8)),
  "whose zstd is cut": () => withPacked("zst", (bytes) => bytes.subarray(0, bytes.length - 8)),
  "whose xz is something else": () => withPacked("xz", () => Buffer.from("not packed, and long enough for a header")),
};

const large: Readonly<Record<string, () => Promise<Buffer> | Buffer>> = {
  "with a bomb of gzip in control": () => withBomb("control", "gz"),
  "with a bomb of xz in control": () => withBomb("control", "xz"),
  "with a bomb of zstd in data": () => withBomb("data", "zst"),
  "with a bomb of gzip in data": () => withBomb("data", "gz"),
  "with data that is not packed and too long": () => withBomb("data", "none"),
  "with more entries than may be": () =>
    makeAr([
      binary,
      ["control.tar", control],
      ["data.tar", tar(...Array.from({ length: 11 }, (_, at) => [`./${at}`, ""] as const))],
    ]),
};

function edit(bytes: Buffer, at: number, text: string): Buffer {
  const copy = Buffer.from(bytes);
  copy.write(text, at, "latin1");
  return copy;
}

function withControl(archive: Buffer): Buffer {
  return makeAr([binary, ["control.tar", archive], ["data.tar", data]]);
}

async function withPacked(packing: Packing, change: (bytes: Buffer) => Buffer): Promise<Buffer> {
  const packed = change(await pack(data, packing));
  return makeAr([binary, ["control.tar", control], [`data.tar${ending(packing)}`, packed]]);
}

async function withBomb(part: "control" | "data", packing: Packing): Promise<Buffer> {
  const bomb = await pack(Buffer.alloc(60_000), packing);
  const name = `${part}.tar${ending(packing)}`;
  if (part === "control") return makeAr([binary, [name, bomb], ["data.tar", data]]);
  return makeAr([binary, ["control.tar", control], [name, bomb]]);
}

describe("a package", () => {
  it.each(Object.keys(hostile))("%s is refused as broken, by name", async (name) => {
    await expect(readAll(await hostile[name]!())).rejects.toMatchObject({
      code: "BAD_DEB",
      message: expect.stringContaining("lamp.deb") as string,
      hint: expect.stringMatching(/not used/) as string,
    });
  });

  it.each(Object.keys(large))("%s is refused at the limit, by name", async (name) => {
    await expect(readAll(await large[name]!())).rejects.toMatchObject({
      code: "TOO_LARGE",
      message: expect.stringContaining("lamp.deb") as string,
    });
  });

  it("with any bytes changed or cut is read, or refused with a code", async () => {
    const packed = await makeDeb({ name: "lamp", version: "1", entries: [{ path: "a", content: "b" }], packing: "xz" });
    const change = array(tuple(nat(), nat(255)), { minLength: 1, maxLength: 8 });
    await assert(
      asyncProperty(boolean(), change, option(nat()), async (isPacked, edits, cut) => {
        const bytes = Buffer.from(isPacked ? packed.bytes : good);
        for (const [at, value] of edits) bytes[at % bytes.length] = value;
        const whole = cut === null ? bytes : bytes.subarray(0, cut % bytes.length);
        await readAll(whole).catch((error: unknown) => {
          if (error instanceof DistroError) return;
          // What its members are called is for the layer's own rules to judge.
          expect(error).toMatchObject({ code: "HOSTILE_PACKAGE" });
        });
      }),
      { numRuns: 400 },
    );
  });
});

const noDpkg = ((): string | undefined => {
  try {
    execFileSync("dpkg-deb", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "dpkg-deb is not installed";
  }
})();

describe("dpkg-deb", () => {
  needs(noDpkg)("reads what the tests make", async () => {
    const made = await makeDeb({ name: "lamp", version: "1.0-1", entries: [{ path: "usr/bin/lamp", content: "x" }] });
    const path = join(dir, "ours.deb");
    await writeFile(path, made.bytes);
    expect(execFileSync("dpkg-deb", ["--field", path, "Version"]).toString()).toBe("1.0-1\n");
    expect(execFileSync("dpkg-deb", ["--contents", path]).toString()).toContain("./usr/bin/lamp");
  });

  needs(noDpkg)("makes packages that are read, however it packs them", async () => {
    await mkdir(join(dir, "tree/DEBIAN"), { recursive: true });
    await mkdir(join(dir, "tree/usr/share"), { recursive: true });
    const fields =
      "Package: lamp\nVersion: 2\nArchitecture: all\nMaintainer: Nobody <n@example.invalid>\nDescription: x\n";
    await writeFile(join(dir, "tree/DEBIAN/control"), fields);
    await writeFile(join(dir, "tree/usr/share/lamp"), "light ".repeat(10_000));
    for (const packing of ["xz", "gzip", "zstd", "none"]) {
      const path = join(dir, `dpkg-${packing}.deb`);
      execFileSync("dpkg-deb", ["--root-owner-group", `-Z${packing}`, "--build", join(dir, "tree"), path]);
      const deb = await readDeb(path);
      expect(deb.control.get("version")).toBe("2");
      expect(await pathsOf(deb)).toEqual(["usr", "usr/share", "usr/share/lamp"]);
    }
  });
});
