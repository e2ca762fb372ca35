import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { mediaTypes, type Descriptor, type ImageConfig } from "../src/core/image/index.ts";
import { encodeLoaderCache, tarFile, tarHeader, tarTrailer } from "../src/core/layer/index.ts";
import type { Repository } from "../src/io/registry/index.ts";
import { canonicalJson, sha256, type Digest } from "../src/lib/index.ts";
import { makeLibrary } from "../src/core/layer/generated/testdata/make-elf.ts";

/** A layer as bytes. */
export interface MadeLayer {
  readonly descriptor: Descriptor;
  readonly diffId: Digest;
  readonly bytes: Buffer;
  readonly history: string;
}

const basePackages = 130;
const patchedPackages = 12;
const appPackages = 20;
const filesEach = 18;
const mtime = 1_750_000_000;
const generator = "ldconfig (Debian GLIBC 2.36-9) stable release version 2.36";
const folder = "usr/lib/x86_64-linux-gnu";

interface MadePackage {
  readonly name: string;
  readonly version: string;
  readonly library: boolean;
}

/** A Debian base of 130 packages in six layers, twelve of them patched so many times. */
export function madeBase(patched: number): MadeLayer[] {
  const packages = basePackagesOf(patched);
  const perLayer = Math.ceil(basePackages / 5);
  const layers = Array.from({ length: 5 }, (_, at) =>
    makeLayer(packages.slice(at * perLayer, (at + 1) * perLayer).flatMap(packageFiles), "packages"),
  );
  const status = packages.map((each) => stanza(each, "assembled")).join("");
  const generated = makeLayer(
    [
      ["etc/passwd", "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33::/var/www:/bin/sh\n"],
      ["etc/group", "root:x:0:\nwww-data:x:33:\n"],
      ["etc/os-release", 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'],
      ["etc/ld.so.cache", loaderCache(packages)],
      ["var/lib/dpkg/status", status],
    ],
    "generated files",
  );
  return [...layers, generated];
}

function basePackagesOf(patched: number): MadePackage[] {
  return Array.from({ length: basePackages }, (_, at): MadePackage => {
    // In two of the five layers, as updates of one day are.
    const isPatched = patched > 0 && at < patchedPackages / 2 + 26 && at >= 26 - patchedPackages / 2;
    return { name: `base-${at}`, version: isPatched ? `1.0-1+deb12u${patched}` : "1.0-1", library: at % 3 === 0 };
  });
}

/** What `apt-get install` of 20 packages leaves: their files, and all that it writes beside them; one of ten choices. */
export function madeInstall(choice: number): MadeLayer {
  const own = appPackagesOf(choice);
  const all = [...basePackagesOf(0), ...own];
  return makeLayer(
    [
      ...own.flatMap(packageFiles),
      ["etc/ld.so.cache", loaderCache(all)],
      ["var/cache/debconf/config.dat", "Name: a/b\nTemplate: a/b\nOwners: a\n\n"],
      [
        "var/lib/apt/extended_states",
        own.map(({ name }) => `Package: ${name}\nArchitecture: amd64\nAuto-Installed: 1\n\n`).join(""),
      ],
      ["var/lib/dpkg/status", all.map((each) => stanza(each, "dpkg")).join("")],
      [
        "var/lib/dpkg/status-old",
        basePackagesOf(0)
          .map((each) => stanza(each, "dpkg"))
          .join(""),
      ],
      ["var/log/dpkg.log", "status installed\n".repeat(200)],
    ],
    "apt-get install",
  );
}

/** The image's own last layer: one more package, so that its status is its own, and what it serves. */
export function madeOwn(choice: number, image: number): MadeLayer {
  const extra: MadePackage = { name: `extra-${image}`, version: `1.${image}-1`, library: false };
  const all = [...basePackagesOf(0), ...appPackagesOf(choice), extra];
  return makeLayer(
    [
      ...packageFiles(extra),
      [`srv/app/main-${image}.js`, `console.log(${image});\n`.repeat(50)],
      ["var/lib/dpkg/status", all.map((each) => stanza(each, "dpkg")).join("")],
      ["var/log/dpkg.log", `status installed extra-${image}\n`],
    ],
    `apt-get install extra-${image}`,
  );
}

function appPackagesOf(choice: number): MadePackage[] {
  return Array.from({ length: appPackages }, (_, at): MadePackage => ({
    name: `app-${choice}-${at}`,
    version: "2.1-3",
    library: at % 4 === 0,
  }));
}

type File = readonly [path: string, content: string | Buffer];

function packageFiles({ name, version, library }: MadePackage): File[] {
  const files: [string, string | Buffer][] = Array.from({ length: filesEach }, (_, at) => [
    at < 4 ? `usr/bin/${name}-${at}` : `usr/share/${name}/file-${at}`,
    `${name} ${version} ${at}\n`.repeat(20),
  ]);
  if (library) files.push([`${folder}/lib${name}.so.1`, makeLibrary(`lib${name}.so.1`)]);
  const md5 = (content: string | Buffer): string => createHash("md5").update(content).digest("hex");
  return [
    ...files,
    [`var/lib/dpkg/info/${name}.list`, files.map(([path]) => `/${path}\n`).join("")],
    [`var/lib/dpkg/info/${name}.md5sums`, files.map(([path, content]) => `${md5(content)}  ${path}\n`).join("")],
  ];
}

/** As Tidemill's assembler writes it, or in dpkg's own order of fields. */
function stanza({ name, version }: MadePackage, by: "assembled" | "dpkg"): string {
  const fields = [
    "Priority: optional",
    "Section: libs",
    "Installed-Size: 204",
    "Maintainer: Debian Maintainers <maintainers@lists.example.org>",
    "Architecture: amd64",
    "Multi-Arch: foreign",
    `Source: ${name}-source`,
    `Version: ${version}`,
    `Depends: ${name.startsWith("base-0") ? "" : "base-0 (>= 1.0), base-3 (>= 0.9)"}`,
    `Description: what ${name} is for`,
    ...Array.from(
      { length: 5 },
      (_, at) => ` Line ${at} of the description of ${name}, as long as such lines are wont to be.`,
    ),
    `Homepage: https://${name}.example.org/`,
  ].filter((line) => line !== "Depends: ");
  const status = "Status: install ok installed";
  const lines =
    by === "dpkg" ? [status, ...fields] : [...fields.slice(6, 9), ...fields.slice(0, 6), ...fields.slice(9)];
  return `${[`Package: ${name}`, ...lines, ...(by === "dpkg" ? [] : [status])].join("\n")}\n\n`;
}

function loaderCache(packages: readonly MadePackage[]): Buffer {
  const sonames = packages.filter(({ library }) => library).map(({ name }) => `lib${name}.so.1`);
  return encodeLoaderCache(
    sonames.map((soname) => ({ soname, path: `/${folder}/${soname}`, flags: 0x0303 })),
    generator,
  );
}

function makeLayer(files: readonly File[], history: string): MadeLayer {
  const folders = new Set<string>();
  for (const [path] of files)
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) folders.add(path.slice(0, at));
  const shape = { uid: 0, gid: 0, mtime };
  const tar = Buffer.concat([
    ...[...folders].sort().map((path) => tarHeader({ ...shape, path, kind: "directory", mode: 0o755, size: 0 })),
    ...files.map(([path, content]) =>
      tarFile({ ...shape, path, kind: "file", mode: path.startsWith("usr/bin/") ? 0o755 : 0o644 }, content),
    ),
    tarTrailer,
  ]);
  const bytes = gzipSync(tar, { level: 6 });
  const descriptor = { mediaType: mediaTypes.layerGzip, digest: sha256(bytes), size: bytes.length };
  return { descriptor, diffId: sha256(tar), bytes, history };
}

/** Pushes an image of these layers; gives its digest. */
export async function pushMade(
  repository: Repository,
  layers: readonly MadeLayer[],
  run: NonNullable<ImageConfig["config"]>,
  mountFrom: readonly string[],
): Promise<Digest> {
  const created = "2026-01-01T00:00:00Z";
  const config = Buffer.from(
    canonicalJson({
      created,
      architecture: "amd64",
      os: "linux",
      config: run,
      rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
      history: layers.map(({ history }) => ({ created, created_by: history })),
    }),
  );
  const described = { mediaType: mediaTypes.config, digest: sha256(config), size: config.length };
  for (const { descriptor, bytes } of layers) await repository.putBlob(descriptor, () => once(bytes), { mountFrom });
  await repository.putBlob(described, () => once(config));
  const bytes = Buffer.from(
    canonicalJson({
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: described,
      layers: layers.map(({ descriptor }) => descriptor),
    }),
  );
  const digest = sha256(bytes);
  await repository.putManifest({ digest, mediaType: mediaTypes.manifest, bytes });
  return digest;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}
