import { afterAll, beforeAll, describe, expect } from "vitest";
import { checkStructure, provePackages, readInventory } from "../../core/inventory/index.ts";
import type { PackageRecord } from "../../core/packages/index.ts";
import { createImageReader, createLayerStore } from "../../io/layer/index.ts";
import { needs } from "../../../test/needs.ts";
import { createMill, requestOf, type Mill } from "./testdata/mill.ts";
import { missingMirror, realPackages } from "./testdata/real-packages.ts";
import type { Assembler } from "./index.ts";

const missing = await missingMirror();
const base = ["base-files", "base-passwd", "libc6", "libc-bin", "ca-certificates", "netbase", "tzdata"];
const account = { name: "app", uid: 10001, home: "/home/app", shell: "/usr/sbin/nologin" };

let mill: Mill;
beforeAll(async () => {
  mill = await createMill();
});
afterAll(() => mill.remove());

describe.each([
  ["bookworm", ["bookworm", "bookworm-updates", "bookworm-security"]],
  ["trixie", ["trixie", "trixie-updates", "trixie-security"]],
])("images of %s", (codename, suites) => {
  needs(missing)(
    "hold their packages as Debian ships them, each program with its libraries, and share the layers of their base",
    async () => {
      const real = await realPackages(suites);
      const assembler = mill.assembler({ fetchPackage: (record) => real.fetch(record) });
      const parent = real.resolve(base);
      const built = await build(assembler, parent, [], "/usr/bin/openssl");
      expect(built.layers.length).toBeLessThanOrEqual(32);
      const children: readonly [string[], string][] = [
        [["curl"], "/usr/bin/curl"],
        // Two of the same kind would only take longer.
        ...(codename === "trixie" ? [[["dpkg", "apt"], "/usr/bin/apt-get"] satisfies [string[], string]] : []),
      ];
      for (const [roots, program] of children) {
        const packages = real.resolve([...base, ...roots], { essential: roots[0] === "dpkg" });
        const child = await build(assembler, packages, [parent.map(({ name }) => name)], program);
        const shared = child.layers.filter((digest) => built.layers.includes(digest));
        // dpkg in the child makes all layers carry what dpkg reads.
        if (program === "/usr/bin/curl") expect(shared).toHaveLength(built.layers.length - 1);
        const again = await mill.assembler({ fetchPackage: refuse }).assemble(child.request, mill.layout);
        expect(again).toMatchObject({ digest: child.digest, bytesUploaded: 0 });
      }
    },
    180_000,
  );

  async function build(
    assembler: Assembler,
    packages: readonly PackageRecord[],
    lineage: readonly (readonly string[])[],
    program: string,
  ): Promise<{ digest: string; layers: string[]; request: ReturnType<typeof requestOf> }> {
    const run = { entrypoint: [program], user: "app" };
    const request = requestOf(packages, { lineage, run, accounts: [account], image: codename });
    const { digest } = await assembler.assemble(request, mill.layout);
    const read = await createImageReader(createLayerStore(mill.cacheDir)).read(mill.layout, digest);
    const [image] = read.platforms;
    if (image === undefined) throw new Error("no platform");
    const { tree, platform, config } = image;
    expect(tree.problems).toEqual([]);
    const installed = readInventory(tree, platform).packages.map(({ name, version }) => `${name} ${version}`);
    expect(installed.toSorted()).toEqual(packages.map(({ name, version }) => `${name} ${version}`).toSorted());
    const changes = packages.map(({ name, version, architecture }) => ({
      name,
      architecture,
      from: undefined,
      to: version,
    }));
    expect(provePackages(tree, changes, undefined).filter(({ kind }) => kind === "false")).toEqual([]);
    const failed = checkStructure({ tree, config: config.config }, undefined).filter(
      ({ verdict }) => verdict === "failed",
    );
    expect(failed).toEqual([]);
    return { digest, layers: image.parsed.layers.map((layer) => layer.digest), request };
  }
});

function refuse(): Promise<string> {
  return Promise.reject(new Error("a package was fetched again"));
}
