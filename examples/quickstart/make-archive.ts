// Makes the archive that the quickstart ships: `node examples/quickstart/make-archive.ts`. Everything in it is made up.
// All but the signatures is the same bytes on every run. The key is made anew; its secret half is thrown away.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { PrivateKey } from "openpgp";
import { makeDeb, type DebEntry, type DebSpec, type MadeDeb } from "../../test/fakes/make-deb.ts";
import { clearSign, makeArchiveKey, makeSuite, publicKeyOf } from "../../test/fakes/make-suite.ts";

const released = Date.UTC(2025, 5, 1);
const week = 604_800_000;

/** Every file of the shipped archive by its path, signed with `key`. */
export async function makeArchive(key: PrivateKey): Promise<Map<string, Buffer>> {
  const base = await makeTide({ name: "tide-base", version: "1.0-1", architecture: "all", entries: baseEntries });
  const library = (version: string): Partial<TidePackage> => ({
    name: "libtide1",
    version,
    fields: { Source: "libtide", Section: "libs" },
    entries: [
      { path: "usr/lib/x86_64-linux-gnu/tide/tables.dat", content: `tide tables of libtide ${version}\n` },
      { path: "usr/lib/x86_64-linux-gnu/tide/format", content: "1\n" },
    ],
  });
  const program = (name: string, version: string, fields: Record<string, string> = {}): Partial<TidePackage> => ({
    name,
    version,
    fields,
    entries: [{ path: `usr/bin/${name}`, content: makeProgram(`${name} ${version}\n`), mode: 0o755 }],
  });
  const lamp = (version: string, seconds: number): Partial<TidePackage> => ({
    name: "tide-lamp",
    version,
    entries: [{ path: "usr/bin/tide-lamp", content: makeLamp(version, seconds), mode: 0o755 }],
  });
  const needsLibrary = { Depends: "libtide1 (>= 1.0), tide-base" };
  const release = [
    base,
    await makeTide(library("1.0-1")),
    await makeTide(program("tide-tools", "1.0-1", needsLibrary)),
    await makeTide(program("tide-gauge", "1.0-1")),
    await makeTide(lamp("1.0-1", forever)),
    await makeTide(program("tide-beacon", "1.0-1")),
  ];
  const fixed = await makeTide({
    ...library("1.0-1+tide1"),
    suite: "tide-security",
    change: "Refuse tables whose length lies (CVE-2099-0001).",
    date: released + week,
  });
  const newer = await makeTide({
    ...program("tide-tools", "1.0-2", needsLibrary),
    suite: "tide-updates",
    change: "Say which tables were read.",
    date: released + week,
  });
  const brightened = await makeTide({
    // What the fleet has to notice in production: it goes out by itself.
    ...lamp("1.1-1", 8),
    suite: "tide-broken",
    change: "Shine brighter.",
    date: released + 2 * week,
  });
  const dangling = await makeTide({
    ...program("tide-beacon", "1.1-1"),
    // What the fleet has to notice: the program became a link to a file that nobody ships.
    entries: [{ path: "usr/bin/tide-beacon", kind: "symlink", link: "../libexec/tide-beacon" }],
    suite: "tide-broken",
    change: "Move the program to libexec.",
    date: released + 2 * week,
  });
  const files = new Map<string, Buffer>([["tide-archive-key.gpg", Buffer.from(publicKeyOf(key))]]);
  const suites = [
    { suite: "tide", date: released, packages: release },
    { suite: "tide-updates", date: released + week, packages: [newer] },
    { suite: "tide-security", date: released + week, packages: [fixed] },
    { suite: "tide-broken", date: released + 2 * week, packages: [...release, brightened, dangling] },
  ];
  for (const suite of suites) {
    const made = await makeSuite({ ...suite, packings: ["xz"] });
    for (const [path, bytes] of made.files) if (!path.endsWith("/Release")) files.set(path, bytes);
    files.set(`dists/${suite.suite}/InRelease`, await clearSign(made.release, [key], suite.date));
  }
  return files;
}

interface TidePackage extends DebSpec {
  readonly suite?: string;
  /** What its newest changelog entry says. */
  readonly change?: string;
  readonly date?: number;
}

/** A package with copyright and changelog. */
async function makeTide(spec: Partial<TidePackage>): Promise<MadeDeb> {
  const { name = "", version = "", suite = "tide", change, date = released, entries = [], fields = {} } = spec;
  const source = fields["Source"] ?? name;
  const newest = change === undefined ? [] : [changelogEntry(source, version, suite, change, date)];
  const changelog = [...newest, changelogEntry(source, "1.0-1", "tide", "First release.", released)].join("\n");
  const folder = `usr/share/doc/${name}`;
  return makeDeb({
    name,
    version,
    architecture: spec.architecture ?? "amd64",
    fields: { Section: "misc", Description: `${name}, a made-up package of Tidemill's quickstart`, ...fields },
    mtime: date / 1000,
    entries: [
      ...entries,
      { path: `${folder}/changelog.Debian.gz`, content: gzipStored(changelog) },
      { path: `${folder}/copyright`, content: "Made for Tidemill's quickstart, and nothing else. Apache-2.0.\n" },
    ],
  });
}

/** Debian Policy 4.4. */
function changelogEntry(source: string, version: string, suite: string, change: string, date: number): string {
  const when = new Date(date).toUTCString().replace("GMT", "+0000");
  const signed = ` -- Tide Makers <nobody@example.invalid>  ${when}`;
  return `${source} (${version}) ${suite}; urgency=medium\n\n  * ${change}\n\n${signed}\n`;
}

/** A gzip file that is not compressed, and so the same with every version of zlib. */
function gzipStored(text: string): Buffer {
  const packed = gzipSync(text, { level: 0 });
  // The tenth byte tells the operating system.
  packed[9] = 255;
  return packed;
}

const baseEntries: readonly DebEntry[] = [
  {
    path: "usr/lib/os-release",
    content: 'PRETTY_NAME="Tide 1 (made up)"\nNAME="Tide"\nID=tide\nVERSION_ID="1"\nVERSION_CODENAME=tide\n',
  },
  { path: "etc/os-release", kind: "symlink", link: "../usr/lib/os-release" },
  { path: "etc/tide", kind: "directory" },
  {
    path: "usr/share/base-passwd/passwd.master",
    content: "root:*:0:0:root:/root:/usr/sbin/nologin\nnobody:*:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  },
  { path: "usr/share/base-passwd/group.master", content: "root:*:0:\nnogroup:*:65534:\n" },
  { path: "root", kind: "directory", mode: 0o700 },
  { path: "tmp", kind: "directory", mode: 0o1777 },
  { path: "var/tmp", kind: "directory", mode: 0o1777 },
];

const loadAddress = 0x40_0000;
const headersSize = 64 + 56;

/** A static x86-64 program for Linux that writes `message` and ends with status 0: System V ABI, Executable and Linkable Format. */
function makeProgram(message: string): Buffer {
  const text = Buffer.from(message);
  const code = Buffer.from(
    "b801000000" + // mov eax, 1 (write)
      "bf01000000" + // mov edi, 1
      "488d3510000000" + // lea rsi, [rip + 16]
      "ba00000000" + // mov edx, length
      "0f05" + // syscall
      "b83c000000" + // mov eax, 60 (exit)
      "31ff" + // xor edi, edi
      "0f05", // syscall
    "hex",
  );
  code.writeUInt32LE(text.length, 18);
  return makeExecutable(Buffer.concat([code, text]));
}

/** A lamp burns for so many seconds. */
const forever = 0x7fff_ffff;

const lampCode = [
  "4881ec00100000b8e4000000bf010000004889e60f054c8b3c24", // a buffer on the stack; r15 = clock_gettime(CLOCK_MONOTONIC) in seconds
  "b829000000bf02000000be0100000031d20f054189c6", // r14 = socket(AF_INET, SOCK_STREAM)
  "c7042401000000b8360000004489f7be01000000ba020000004989e241b8040000000f05", // setsockopt(SO_REUSEADDR)
  "c7042402001f90c74424040000000048c744240800000000b8310000004489f74889e6ba100000000f0585c00f85b0000000", // bind(0.0.0.0:8080), and exit where that fails
  "b8320000004489f7be400000000f05", // listen
  "b82b0000004489f731f631d20f0585c078ee4189c5", // next: r13 = accept, and again where that fails
  "48c704240200000048c744240800000000b8360000004489efbe01000000ba140000004989e241b8100000000f05", // setsockopt(SO_RCVTIMEO, 2 s): who says nothing holds up nobody for longer
  "31c04489ef4889e6ba001000000f05", // read
  "b8e4000000bf010000004889e60f05", // clock_gettime
  "488b04244c29f8488d353e000000ba00000000483d000000007c0c488d3500000000ba00000000", // well for less than its limit, then out
  "b8010000004489ef0f05", // write
  "b8030000004489ef0f05e95fffffff", // close, and next
  "b83c000000bf010000000f05", // exit(1)
].join("");
/** Where the code has numbers that depend on what is said. */
const lampPlaces = { wellLength: 0x105, seconds: 0x10b, outAt: 0x114, outLength: 0x119 };
/** How far behind the instruction that has `outAt` the texts begin. */
const lampTexts = 0x142 - 0x118;

/** A static x86-64 program for Linux that answers HTTP on port 8080, one question after the other: 200 while the lamp burns, 500 once it is out. */
function makeLamp(version: string, seconds: number): Buffer {
  const answer = (status: string, text: string): Buffer =>
    Buffer.from(
      `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n${text}`,
    );
  const well = answer("200 OK", `tide-lamp ${version} burns\n`);
  const out = answer("500 Internal Server Error", `tide-lamp ${version} is out\n`);
  const code = Buffer.from(lampCode, "hex");
  code.writeUInt32LE(well.length, lampPlaces.wellLength);
  code.writeUInt32LE(seconds, lampPlaces.seconds);
  code.writeUInt32LE(lampTexts + well.length, lampPlaces.outAt);
  code.writeUInt32LE(out.length, lampPlaces.outLength);
  return makeExecutable(Buffer.concat([code, well, out]));
}

/** Code, and what it reads, as a program that the kernel loads at one address. System V ABI, Executable and Linkable Format. */
function makeExecutable(code: Buffer): Buffer {
  const size = headersSize + code.length;
  const header = Buffer.alloc(headersSize);
  header.write("\x7fELF\x02\x01\x01", 0, "latin1");
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // EM_X86_64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(loadAddress + headersSize), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt16LE(64, 58);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // readable, executable
  header.writeBigUInt64LE(BigInt(loadAddress), 80);
  header.writeBigUInt64LE(BigInt(loadAddress), 88);
  header.writeBigUInt64LE(BigInt(size), 96);
  header.writeBigUInt64LE(BigInt(size), 104);
  header.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([header, code]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = fileURLToPath(new URL("archive/", import.meta.url));
  const files = await makeArchive(await makeArchiveKey({ created: Date.UTC(2025, 0, 1) }));
  await rm(folder, { recursive: true, force: true });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}
