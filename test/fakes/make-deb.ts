import { gzipSync, zstdCompressSync } from "node:zlib";
import { xz } from "@napi-rs/lzma";
import { tarFile, tarTrailer, type EntryKind } from "../../src/core/layer/index.ts";

export type Packing = "xz" | "gz" | "zst" | "none";

/** A member of a package's data archive; a file where nothing else is said. */
export interface DebEntry {
  readonly path: string;
  readonly kind?: EntryKind;
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly mode?: number;
}

export interface DebSpec {
  readonly name: string;
  readonly version: string;
  /** `amd64` without it. */
  readonly architecture?: string;
  /** Further fields of the control file: `Depends`, `Source`, `Essential`. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly entries?: readonly DebEntry[];
  /** Further members of the control archive: `postinst`, `conffiles`. */
  readonly members?: Readonly<Record<string, string>>;
  /** Of both inner archives; xz without it. */
  readonly packing?: Packing;
  /** Seconds since 1970, of every member. */
  readonly mtime?: number;
}

/** A package and where it stands in an archive. */
export interface MadeDeb {
  readonly bytes: Buffer;
  readonly architecture: string;
  /** Path below the archive's root. */
  readonly filename: string;
  /** The control file, without an empty line at its end. */
  readonly controlText: string;
}

/** A package file: the same bytes for the same `spec`. Parents of its entries are added as folders. deb(5), deb-control(5). */
export async function makeDeb(spec: DebSpec): Promise<MadeDeb> {
  const { name, version, architecture = "amd64", packing = "xz", mtime = 1_700_000_000 } = spec;
  const source = spec.fields?.["Source"]?.split(" ")[0] ?? name;
  const fields = Object.entries({
    Package: name,
    Version: version,
    Architecture: architecture,
    Maintainer: "Nobody <nobody@example.invalid>",
    Priority: "optional",
    ...spec.fields,
    Description: spec.fields?.["Description"] ?? `${name}, made up`,
  });
  const controlText = fields.map(([key, value]) => `${key}: ${value}`).join("\n");
  const members = { control: `${controlText}\n`, ...spec.members };
  const control = Object.entries(members).map(([path, content]) =>
    tarFile(
      { path: `./${path}`, kind: "file", mode: path === "control" ? 0o644 : 0o755, uid: 0, gid: 0, mtime },
      content,
    ),
  );
  const bytes = makeAr(
    [
      ["debian-binary", Buffer.from("2.0\n")],
      [`control.tar${ending(packing)}`, await pack(Buffer.concat([...control, tarTrailer]), packing)],
      [`data.tar${ending(packing)}`, await pack(dataArchive(spec.entries ?? [], mtime), packing)],
    ],
    mtime,
  );
  const folder = `pool/main/${source.startsWith("lib") ? source.slice(0, 4) : source.slice(0, 1)}/${source}`;
  const filename = `${folder}/${name}_${version.replace(/^\d+:/, "")}_${architecture}.deb`;
  return { bytes, architecture, filename, controlText };
}

/** An ar archive in the common format, as deb(5) wants it. */
export function makeAr(members: readonly (readonly [name: string, bytes: Uint8Array])[], mtime = 0): Buffer {
  const parts: Uint8Array[] = [Buffer.from("!<arch>\n")];
  for (const [name, bytes] of members) {
    const number = (value: number, width: number): string => String(value).padEnd(width);
    const owner = `${number(0, 6)}${number(0, 6)}`;
    const header = `${name.padEnd(16)}${number(mtime, 12)}${owner}${"100644".padEnd(8)}${number(bytes.byteLength, 10)}\`\n`;
    parts.push(Buffer.from(header, "latin1"), bytes, Buffer.alloc(bytes.byteLength % 2, "\n"));
  }
  return Buffer.concat(parts);
}

/** `bytes`, packed; the same on every machine. */
export async function pack(bytes: Uint8Array, packing: Packing): Promise<Buffer> {
  if (packing === "xz") return xz.compress(bytes);
  if (packing === "zst") return zstdCompressSync(bytes);
  if (packing === "none") return Buffer.from(bytes);
  const packed = gzipSync(bytes, { level: 6 });
  // The tenth byte tells the operating system.
  packed[9] = 255;
  return packed;
}

/** How the name of a file ends that is packed so. */
export function ending(packing: Packing): string {
  return packing === "none" ? "" : `.${packing}`;
}

function dataArchive(entries: readonly DebEntry[], mtime: number): Buffer {
  const known = new Set<string>();
  const parts = [tarFile({ path: ".", kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime })];
  for (const { path, kind = "file", content, link, mode } of entries) {
    const steps = path.split("/");
    for (let depth = 1; depth < steps.length; depth += 1) {
      const folder = steps.slice(0, depth).join("/");
      if (known.has(folder)) continue;
      known.add(folder);
      parts.push(tarFile({ path: `./${folder}`, kind: "directory", mode: 0o755, uid: 0, gid: 0, mtime }));
    }
    known.add(path);
    const usual = kind === "directory" ? 0o755 : kind === "symlink" ? 0o777 : 0o644;
    const entry = { path: `./${path}`, kind, mode: mode ?? usual, uid: 0, gid: 0, mtime };
    parts.push(tarFile(link === undefined ? entry : { ...entry, link }, content));
  }
  return Buffer.concat([...parts, tarTrailer]);
}
