import { readFile, stat } from "node:fs/promises";
import { parseControl, type ControlStanza } from "../../core/packages/index.ts";
import { TarError, TarParser, type TarHeader, type TarSink } from "../../core/layer/index.ts";
import { messageOf } from "../../lib/index.ts";
import { DistroError } from "./error.ts";
import { unpack, type Packing } from "./unpack.ts";

/** How much of a package is read before it is refused, in bytes. */
export interface DebLimits {
  readonly file: number;
  readonly control: number;
  readonly data: number;
  /** Members of the data archive. */
  readonly entries: number;
}

export const defaultDebLimits: DebLimits = {
  file: 1_073_741_824,
  control: 33_554_432,
  data: 4_294_967_295,
  entries: 500_000,
};

/** A binary package, its control part read; the data part is read on demand. deb(5). */
export interface DebFile {
  /** Where it was read from, for messages. */
  readonly what: string;
  readonly control: ControlStanza;
  readonly controlText: string;
  /** Every file of the control archive by its name: `md5sums`, `conffiles`, `postinst`, … */
  readonly members: ReadonlyMap<string, Buffer>;
  /** Tells `sink` of every member of the data archive, in order. Throws BAD_DEB where it is torn, TOO_LARGE past a limit. */
  readData(sink: TarSink): Promise<void>;
}

const magic = "!<arch>\n";
const packings: Readonly<Record<string, Packing>> = { "": "none", ".xz": "xz", ".gz": "gz", ".zst": "zst" };

/** Reads the .deb at `path`; see {@link parseDebFile}. */
export async function readDeb(path: string, limits: DebLimits = defaultDebLimits): Promise<DebFile> {
  const { size } = await stat(path);
  if (size > limits.file) throw new DistroError("TOO_LARGE", `${path} is larger than ${limits.file} bytes`);
  return parseDebFile(await readFile(path), path, limits);
}

/** A .deb held in memory: `debian-binary` 2.x, then control.tar and data.tar, packed with xz, gzip, zstd or not at all. */
export async function parseDebFile(file: Buffer, what: string, limits: DebLimits = defaultDebLimits): Promise<DebFile> {
  const [version, control, data] = readArchive(file, what);
  if (version === undefined || version.name !== "debian-binary" || !/^2\.\d+\n/.test(version.bytes.toString("latin1")))
    throw badDeb(what, "it is not a Debian package of format 2");
  if (control === undefined || !control.name.startsWith("control.tar")) throw badDeb(what, "it has no control part");
  if (data === undefined || !data.name.startsWith("data.tar")) throw badDeb(what, "it has no data part");
  const members = await readControlFiles(control, what, limits);
  const controlText = members.get("control")?.toString("utf8");
  if (controlText === undefined) throw badDeb(what, "its control part has no file `control`");
  const stanza = readControl(controlText, what);
  return {
    what,
    control: stanza,
    controlText,
    members,
    readData: async (sink) => {
      const bytes = await unpackMember(data, limits.data, what);
      readTar(bytes, countEntries(sink, limits.entries, what), what);
    },
  };
}

function readControl(text: string, what: string): ControlStanza {
  try {
    const [stanza] = parseControl(text);
    if (stanza !== undefined) return stanza;
  } catch (error) {
    throw badDeb(what, messageOf(error));
  }
  throw badDeb(what, "its control file is empty");
}

interface ArchiveMember {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The members of an ar archive; ar(5), common format, without long names, which deb(5) does not have. */
function readArchive(file: Buffer, what: string): ArchiveMember[] {
  if (file.toString("latin1", 0, 8) !== magic) throw badDeb(what, "it is not an ar archive");
  const members: ArchiveMember[] = [];
  for (let at = 8; at < file.length;) {
    const header = file.toString("latin1", at, at + 60);
    if (header.length < 60 || !header.endsWith("`\n")) throw badDeb(what, "an ar member's header is torn");
    const digits = header.slice(48, 58).trimEnd();
    const size = /^\d{1,10}$/.test(digits) ? Number(digits) : Number.NaN;
    if (!(at + 60 + size <= file.length)) throw badDeb(what, "an ar member lies about its size");
    const name = header.slice(0, 16).trimEnd().replace(/\/$/, "");
    members.push({ name, bytes: file.subarray(at + 60, at + 60 + size) });
    at += 60 + size + (size % 2);
    if (members.length > 16) throw badDeb(what, "it has more than 16 members");
  }
  // Members whose names begin with an underscore are for others and may stand anywhere after the first.
  return members.filter(({ name }) => !name.startsWith("_"));
}

async function readControlFiles(member: ArchiveMember, what: string, limits: DebLimits): Promise<Map<string, Buffer>> {
  const bytes = await unpackMember(member, limits.control, what);
  const files = new Map<string, Buffer>();
  let name = "";
  let pieces: Buffer[] = [];
  const sink: TarSink = {
    begin: (header: TarHeader) => {
      name = header.flag === "0" ? header.path.replace(/^(?:\.\/)+/, "") : "";
      pieces = [];
      if (name.includes("/") || name.includes("\0")) throw badDeb(what, "its control part has folders");
      if (files.size > 1000) throw badDeb(what, "its control part has more than 1,000 files");
    },
    data: (chunk) => {
      pieces.push(chunk);
    },
    end: () => {
      if (name !== "") files.set(name, Buffer.concat(pieces));
    },
  };
  readTar(bytes, sink, what);
  return files;
}

async function unpackMember(member: ArchiveMember, limit: number, what: string): Promise<Buffer> {
  const packing = packings[member.name.replace(/^(?:control|data)\.tar/, "")];
  if (packing === undefined) throw badDeb(what, `its member ${member.name.slice(0, 16)} is packed in an unknown way`);
  try {
    return await unpack(member.bytes, packing, limit, `${member.name} of ${what}`);
  } catch (error) {
    if (error instanceof DistroError && error.code === "BAD_INDEX") throw badDeb(what, error.message);
    throw error;
  }
}

function readTar(bytes: Buffer, sink: TarSink, what: string): void {
  try {
    const parser = new TarParser(sink, what);
    parser.push(bytes);
    parser.finish();
  } catch (error) {
    if (error instanceof TarError) throw badDeb(what, error.message);
    throw error;
  }
}

function countEntries(sink: TarSink, limit: number, what: string): TarSink {
  let seen = 0;
  return {
    begin: (header) => {
      seen += 1;
      if (seen > limit) throw new DistroError("TOO_LARGE", `${what} has more than ${limit} entries`);
      sink.begin(header);
    },
    data: (chunk) => sink.data(chunk),
    end: () => sink.end(),
  };
}

function badDeb(what: string, why: string): DistroError {
  return new DistroError("BAD_DEB", `${what}: ${why}`, {
    hint: "The file is not what the archive signed, or the archive itself is broken. It is not used.",
  });
}
