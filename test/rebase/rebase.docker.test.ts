import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { parseConfig, parseManifest, type Descriptor, type ImageConfig } from "../../src/core/image/index.ts";
import { createImageReader, createLayerStore } from "../../src/io/layer/index.ts";
import type { Repository } from "../../src/io/registry/index.ts";
import { canonicalJson, collectBytes, sha256, type Digest } from "../../src/lib/index.ts";
import { createRebaser, type RebaseOutcome, type Rebaser } from "../../src/loop/build/index.ts";
import { missingMirror } from "../../src/loop/build/testdata/real-packages.ts";
import { docker, missingDocker } from "../assembly/docker-run.ts";
import { needs } from "../needs.ts";
import { createDockerImages, sourcesOf, type DockerImages } from "./docker-images.ts";

const missing = (await missingMirror()) ?? (await missingDocker());
const cacheDir = await mkdtemp(join(tmpdir(), "tidemill-rebase-facts-"));
let images: DockerImages;
let rebaser: Rebaser;
beforeAll(async () => {
  images = await createDockerImages();
  const reader = createImageReader(createLayerStore(cacheDir));
  rebaser = createRebaser({ images: reader, findBase: () => Promise.resolve(undefined) });
});
afterAll(async () => {
  await images.close();
  await rm(cacheDir, { recursive: true, force: true });
});

function onto(image: Digest, old: Digest, base: Digest): Promise<RebaseOutcome> {
  const sink = images.repository("app");
  const of = (reference: Digest) => ({ source: images.repository("base"), reference });
  return rebaser.rebase({
    image: { source: sink, reference: image },
    oldBase: of(old),
    base: of(base),
    sink,
    mountFrom: ["base"],
  });
}

/** Layers swapped and nothing looked at, as tools do that know no package database. */
async function splice(image: Digest, old: Digest, base: Digest): Promise<Digest> {
  const app = images.repository("app");
  const from = images.repository("base");
  const [mine, was, now] = [await read(app, image), await read(from, old), await read(from, base)];
  const cut = was.layers.length;
  for (const layer of now.layers) await app.putBlob(layer, () => from.blob(layer), { mountFrom: ["base"] });
  const diffIds = [...now.config.rootfs.diff_ids, ...mine.config.rootfs.diff_ids.slice(cut)];
  const config = Buffer.from(
    canonicalJson({ ...mine.config, history: [], rootfs: { type: "layers", diff_ids: diffIds } }),
  );
  const described = { ...mine.manifest.config, digest: sha256(config), size: config.length };
  await app.putBlob(described, async function* () {
    yield await Promise.resolve(config);
  });
  const layers = [...now.layers, ...mine.layers.slice(cut)];
  const bytes = Buffer.from(
    canonicalJson({
      ...mine.manifest,
      config: described,
      layers: layers.map((layer) => ({ ...layer, mediaType: mine.layers[0]?.mediaType })),
    }),
  );
  const digest = sha256(bytes);
  await app.putManifest({ digest, mediaType: mine.manifest.mediaType, bytes });
  return digest;
}

interface Parts {
  readonly manifest: ReturnType<typeof parseManifest>;
  readonly layers: readonly Descriptor[];
  readonly config: ImageConfig;
}

async function read(repository: Repository, digest: Digest): Promise<Parts> {
  const raw = await repository.manifest(digest);
  if (raw === undefined) throw new Error(`no ${digest}`);
  const manifest = parseManifest(raw.bytes, raw.mediaType);
  const config = parseConfig(await collectBytes(repository.blob(manifest.config), 1 << 20, "a config"));
  return { manifest, layers: manifest.layers, config };
}

/** What dpkg says of a package and of one that only the new base has, what the program says of itself, and what the system's own tools find wrong. */
const lookInside = `
  dpkg-query -W -f 'dpkg says \${Version}\\n' openssl
  openssl version | sed 's/^OpenSSL \\([^ ]*\\).*/program says \\1/'
  dpkg -l netbase 2>&1 | grep -q ^ii && echo and knows netbase || echo and knows nothing
  dpkg --audit; dpkg -V; apt-get check -qq
  cp /etc/ld.so.cache /tmp/before; ldconfig; cmp /tmp/before /etc/ld.so.cache
  grpck -r; id worker; nginx -v
`;

async function seen(digest: Digest): Promise<string> {
  const name = await images.pull("app", digest);
  const flags = ["--rm", "--network", "none", "--user", "0", "--entrypoint", "/bin/sh"];
  const { status, output } = await docker(["run", ...flags, name, "-ec", lookInside]);
  return `${status}\n${output}`;
}

function upstream(version: string | undefined): string {
  return (version ?? "").replace(/-[^-]*$/, "");
}

/** Where the suites have no update of it: the one version. */
async function versionsOf(digest: Digest): Promise<{ from: string; to: string }> {
  const [, line = ""] = (await seen(digest)).split("\n");
  const version = line.replace("dpkg says ", "");
  return { from: version, to: version };
}

describe.each([
  ["bookworm", "libssl3"],
  ["trixie", "libssl3t64"],
])("an application on %s, and a base with security updates", (codename, library) => {
  const roots = ["apt", "ca-certificates", "passwd", "openssl", library];

  needs(missing)(
    "stands on the new base, and dpkg tells the truth, which it does not where layers are only swapped",
    async () => {
      const old = await images.assembleBase("base", `${codename}-old`, [codename], roots, { cmd: ["bash"] });
      const all = [codename, `${codename}-updates`, `${codename}-security`];
      const base = await images.assembleBase("base", `${codename}-new`, all, [...roots, "netbase"], {
        cmd: ["bash"],
        env: { TZ: "UTC" },
      });
      const image = await images.build(
        "app",
        codename,
        `FROM ${images.host}/base:${codename}-old
COPY debian.list /etc/apt/sources.list.d/
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends nginx less && apt-get clean
RUN useradd --system worker && mkdir /app && chown worker /app
USER worker
ENV APP=1
ENTRYPOINT ["nginx"]
`,
        { "debian.list": sourcesOf([codename]) },
      );

      const before = images.client.stats();
      const rebased = await onto(image, old, base);
      const after = images.client.stats();
      if (rebased.kind !== "rebased") throw new Error(JSON.stringify(rebased));
      expect(after.bytesUp - before.bytesUp).toBeLessThan(200_000);
      const steps = rebased.platforms[0]?.packages ?? [];
      expect(steps).toContainEqual(expect.objectContaining({ name: "netbase", from: undefined }));
      const { from, to } = steps.find(({ name }) => name === "openssl") ?? (await versionsOf(rebased.digest));
      const right = await seen(rebased.digest);
      expect(right.split("\n").slice(0, 5)).toEqual([
        "0",
        `dpkg says ${to}`,
        `program says ${upstream(to)}`,
        "and knows netbase",
        expect.stringContaining("(worker)"),
      ]);
      expect(right).toContain("nginx version");
      const started = await docker([
        "run",
        "--rm",
        "--network",
        "none",
        await images.pull("app", rebased.digest),
        "-v",
      ]);
      expect(started.output).toContain("nginx version");

      const wrong = await seen(await splice(image, old, base));
      expect(wrong).toContain(`dpkg says ${from}\nprogram says ${upstream(to)}\nand knows nothing\n`);

      const config = (await read(images.repository("app"), rebased.digest)).config.config;
      expect(config).toMatchObject({ User: "worker", Entrypoint: ["nginx"] });
      expect(config?.Env).toEqual(expect.arrayContaining(["TZ=UTC", "APP=1"]));
      expect(await onto(image, old, base)).toMatchObject({ kind: "rebased", digest: rebased.digest, uploaded: 0 });
      expect(await onto(rebased.digest, old, base)).toMatchObject({ kind: "unchanged" });

      // From there to the next base, here the old one again: one layer of ours, not two.
      const back = await onto(rebased.digest, base, old);
      if (back.kind !== "rebased") throw new Error(JSON.stringify(back));
      const again = (await seen(back.digest).catch(String)).split("\n");
      expect(again.slice(1, 4)).toEqual([`dpkg says ${from}`, `program says ${upstream(from)}`, "and knows nothing"]);
      const layers = (await read(images.repository("app"), image)).layers.length;
      expect((await read(images.repository("app"), back.digest)).layers).toHaveLength(layers + 1);
    },
    480_000,
  );
});

describe("a base that breaks what the application needs", () => {
  needs(missing)(
    "is refused, with the file and the library named: soname gone, version of symbols gone, release",
    async () => {
      const rich = await images.assembleBase("base", "rich", ["bookworm"], ["base-files", "libssl3", "openssl"]);
      const poor = await images.assembleBase("base", "poor", ["bookworm"], ["base-files"]);
      const late = await images.assembleBase("base", "late", ["trixie"], ["base-files"]);
      const linked = await images.build(
        "app",
        "linked",
        `FROM ${images.host}/base:rich\nRUN cp /usr/bin/openssl /usr/local/bin/own\nENTRYPOINT ["own", "version"]\n`,
      );
      const gone = await onto(linked, rich, poor);
      expect(gone.kind === "refused" ? gone.reasons : gone).toContainEqual(
        expect.objectContaining({ code: "library", path: "usr/local/bin/own", library: "libssl.so.3" }),
      );
      const newer = await images.build(
        "app",
        "newer",
        `FROM ${images.host}/base:late\nRUN cp /bin/ls /usr/local/bin/own\n`,
      );
      const older = await onto(newer, late, poor);
      expect(older.kind === "refused" ? older.reasons : older).toContainEqual(
        expect.objectContaining({ code: "symbol-version", path: "usr/local/bin/own", library: "libc.so.6" }),
      );
      expect(await images.repository("app").tags()).toContain("linked");
    },
    480_000,
  );
});
