import { gzipSync } from "node:zlib";
import { mediaTypes, type ImageSink } from "../../../core/image/index.ts";
import { makeTar, type Member } from "../../../io/layer/testdata/make-tar.ts";
import {
  makeBlob,
  makeDocument,
  makeIndex,
  pushImage,
  type MadeImage,
} from "../../../io/registry/testdata/make-image.ts";
import { sha256 } from "../../../lib/index.ts";

/** What an image says of itself, and holds. */
export interface DebianImageSpec {
  /** Version by package; a layer for each set, the first with os-release. */
  readonly layers: readonly Readonly<Record<string, string>>[];
  /** Files below `etc/apt/`, by name. */
  readonly apt?: Readonly<Record<string, string>>;
  readonly codename?: string;
  readonly architecture?: string;
}

/** A Debian image as dpkg leaves it. */
export function makeDebianImage({ layers, apt = {}, codename = "bookworm", architecture = "amd64" }: DebianImageSpec): MadeImage {
  const installed: Record<string, string> = {};
  const members = layers.map((versions, at): Member[] => {
    Object.assign(installed, versions);
    const stanzas = Object.entries(installed).map(([name, version]) => stanzaOf(name, version, architecture));
    const own = Object.keys(versions).map((name) => ({ name: `var/lib/dpkg/info/${name}.list`, body: "" }));
    const release = `ID=debian\nVERSION_CODENAME="${codename}"\nPRETTY_NAME="Debian, made up"\n`;
    const base = Object.entries(apt).map(([name, body]) => ({ name: `etc/apt/${name}`, body }));
    return [
      ...(at === 0 ? [{ name: "etc/os-release", body: release }, ...base] : []),
      ...own,
      { name: "var/lib/dpkg/status", body: stanzas.join("\n") },
    ];
  });
  return imageOf(members.map(makeTar), architecture);
}

/** An image of these layers, whatever they are. */
export function imageOf(tars: readonly Buffer[], architecture = "amd64"): MadeImage {
  const layers = tars.map((tar) => makeBlob(gzipSync(tar, { level: 1 })));
  const config = makeBlob(
    JSON.stringify({
      os: "linux",
      architecture,
      rootfs: { type: "layers", diff_ids: tars.map((tar) => sha256(tar)) },
      history: tars.map(() => ({})),
    }),
    mediaTypes.config,
  );
  const manifest = makeDocument({ config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor) });
  return { manifest, blobs: [config, ...layers] };
}

/** Sends one image for each architecture, and the index that names them. */
export async function pushIndex(sink: ImageSink, images: Readonly<Record<string, MadeImage>>, tag: string): Promise<void> {
  for (const image of Object.values(images)) await pushImage(sink, image);
  await sink.putManifest(makeIndex(images), tag);
}

function stanzaOf(name: string, version: string, architecture: string): string {
  return `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: ${architecture}\n`;
}
