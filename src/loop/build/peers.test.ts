import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { runEngines } from "../../io/engine/index.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
} from "../../io/registry/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { buildGoProgram } from "../../../test/go-program.ts";
import { needs } from "../../../test/needs.ts";
import type { AssembledImage, Assembler } from "./index.ts";
import { createMill, requestOf, type Mill } from "./testdata/mill.ts";
import { missingMirror, realPackages, type RealPackages } from "./testdata/real-packages.ts";

const execute = promisify(execFile);
const suites = ["bookworm", "bookworm-updates", "bookworm-security"];
const base = ["base-files", "base-passwd", "libc6", "libc-bin", "ca-certificates", "netbase", "tzdata"];
const account = { name: "app", uid: 10001, home: "/home/app", shell: "/usr/sbin/nologin" };

const noMirror = await missingMirror();
const noDocker = noMirror ?? (await runEngines.docker("peers").missing());
const noSkopeo =
  noMirror ??
  (await execute("skopeo", ["--version"]).then(
    () => undefined,
    () => "skopeo, which is not installed",
  ));

const crane = await buildGoProgram("github.com/google/go-containerregistry/cmd/crane@v0.22.1");

let mill: Mill;
let server: RegistryServer;
let client: RegistryClient;
let host: string;
let real: RealPackages;
let assembler: Assembler;
beforeAll(async () => {
  mill = await createMill();
  server = await createRegistryServer({ dir: join(mill.cacheDir, "registry") });
  ({ host } = await server.listen(0));
  client = createRegistryClient({ retries: 0 });
  if (noMirror !== undefined) return;
  real = await realPackages(suites);
  assembler = mill.assembler({ fetchPackage: (record) => real.fetch(record) });
});
afterAll(async () => {
  await client.close();
  await server.close();
  await mill.remove();
});

/** The quickstart's base with more packages on it, pushed; its name by digest. */
async function push(
  name: string,
  roots: readonly string[],
  program: string,
): Promise<AssembledImage & { readonly name: string }> {
  const parent: readonly PackageRecord[] = real.resolve(base);
  const files = [{ path: "/root/own", mode: 0o600, uid: 0, gid: 0, content: Buffer.from("own\n") }];
  const request = requestOf(real.resolve([...base, ...roots]), {
    lineage: [parent.map((each) => each.name)],
    run: { entrypoint: [program], user: "app" },
    accounts: [account],
    files,
  });
  const image = await assembler.assemble(request, client.repository(`${host}/${name}`));
  return { ...image, name: `${host}/${name}@${image.digest}` };
}

describe("Docker", () => {
  const run = async (image: string, args: readonly string[], options: readonly string[] = []): Promise<string> => {
    const { stdout } = await execute("docker", ["run", "--rm", "--network=none", ...options, image, ...args]);
    return stdout;
  };

  needs(noDocker)(
    "runs assembled images as the account that they name, with every folder as the packages have it",
    async () => {
      const images = [
        await push("curl", ["curl"], "/usr/bin/curl"),
        await push("python", ["python3", "coreutils", "libc-bin"], "/usr/bin/python3"),
      ] as const;
      try {
        expect(await run(images[0].name, ["--version"])).toMatch(/^curl \d+\S* .*libcurl/);
        const program = `import os, pwd, ssl, sqlite3, stat
print(ssl.OPENSSL_VERSION.split()[0], os.getuid(), pwd.getpwuid(os.getuid()).pw_name)
for path in ["/tmp", "/root", "/var/tmp", "/run/lock", "/usr/bin"]: print(path, stat.filemode(os.stat(path).st_mode))
for path in ["/bin", "/lib64", "/var/run", "/var/lock"]: print(path, os.readlink(path))`;
        expect((await run(images[1].name, ["-c", program])).trim().split("\n")).toEqual([
          "OpenSSL 10001 app",
          "/tmp drwxrwxrwt",
          "/root drwx------",
          "/var/tmp drwxrwxrwt",
          "/run/lock drwxrwxrwt",
          "/usr/bin drwxr-xr-x",
          "/bin usr/bin",
          "/lib64 usr/lib64",
          "/var/run /run",
          "/var/lock /run/lock",
        ]);
        const asRoot = ["--user", "0", "--entrypoint", "/bin/cat"];
        expect(await run(images[1].name, ["/root/own"], asRoot)).toBe("own\n");
      } finally {
        await execute("docker", ["rmi", "--force", ...images.map(({ name }) => name)]).catch(() => undefined);
      }
    },
    120_000,
  );
});

/** The quickstart's base for two platforms, under one index. */
async function pushIndex(name: string): Promise<AssembledImage & { readonly name: string }> {
  const arm = await realPackages(suites, "arm64");
  const fetchPackage = (record: PackageRecord): Promise<string> =>
    (record.architecture === "arm64" ? arm : real).fetch(record);
  const platforms = [
    { platform: { os: "linux", architecture: "amd64" }, packages: real.resolve(base), lineage: [] },
    { platform: { os: "linux", architecture: "arm64" }, packages: arm.resolve(base), lineage: [] },
  ];
  const request = requestOf([], { platforms, accounts: [account], run: { user: "app" } });
  const image = await mill.assembler({ fetchPackage }).assemble(request, client.repository(`${host}/${name}`));
  return { ...image, name: `${host}/${name}@${image.digest}` };
}

describe("crane", () => {
  needs(noMirror ?? crane.missing)(
    "finds an image, and an index of two platforms, whole and true to their digests",
    async () => {
      const images = [await push("valid", ["curl"], "/usr/bin/curl"), await pushIndex("valid-index")] as const;
      for (const { name } of images) {
        // Every layer is read, and held against digest, size and diff ID.
        const { stdout } = await execute(crane.path, ["validate", "--remote", name]);
        expect(stdout).toBe(`PASS: ${name}\n`);
      }
      const { stdout } = await execute(crane.path, ["manifest", images[1].name]);
      expect(JSON.parse(stdout)).toMatchObject({
        manifests: images[1].platforms.map(({ platform, digest }) => ({ platform, digest })),
      });
    },
    120_000,
  );
});

describe("skopeo", () => {
  const options = ["--src-tls-verify=false", "--insecure-policy"];
  const copy = async (name: string, to: string, platform: readonly string[] = [], all = false): Promise<string[]> => {
    const folder = join(mill.cacheDir, to);
    const words = ["copy", ...options, ...(all ? ["--all"] : [])];
    await execute("skopeo", [...platform, ...words, `docker://${name}`, `oci:${folder}:it`]);
    const index = JSON.parse(await readFile(join(folder, "index.json"), "utf8")) as { manifests: { digest: string }[] };
    return index.manifests.map(({ digest }) => digest);
  };

  needs(noSkopeo)(
    "copies an image, whose digest stays",
    async () => {
      const image = await push("copied", ["curl"], "/usr/bin/curl");
      expect(await copy(image.name, "copied")).toEqual([image.digest]);
    },
    60_000,
  );

  needs(noSkopeo)(
    "copies an index with all its platforms, or the one that is asked for",
    async () => {
      const image = await pushIndex("copied-index");
      expect(await copy(image.name, "all", [], true)).toEqual([image.digest]);
      for (const { platform, digest } of image.platforms) {
        const { architecture } = platform;
        const chosen = ["--override-os", "linux", "--override-arch", architecture];
        expect(await copy(image.name, architecture, chosen)).toEqual([digest]);
      }
    },
    120_000,
  );
});
