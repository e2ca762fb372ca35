import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { missingApt } from "../../../test/apt/apt-oracle.ts";
import { findDebianMirror, sourceOf } from "../../../test/apt/debian-mirror.ts";
import { needs } from "../../../test/needs.ts";
import { makeTar } from "../../io/layer/testdata/make-tar.ts";
import { createRegistryClient, openLayout } from "../../io/registry/index.ts";
import { pushImage } from "../../io/registry/testdata/make-image.ts";
import { systemClock } from "../../lib/index.ts";
import { createCheck } from "./check.ts";
import { imageOf } from "./testdata/debian-image.ts";

const run = promisify(execFile);
const realStatus = "../shared/data/inventories/debian/bookworm-minbase/raw/var/lib/dpkg/status";
const missing = existsSync(realStatus) ? await missingApt() : "the shared data";
const suites = ["bookworm", "bookworm-updates", "bookworm-security"];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemill-check-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What apt itself would upgrade on a system with this status file: `NAME ARCHITECTURE FROM TO`, sorted. */
async function askApt(status: string, sources: string): Promise<string[]> {
  const root = join(folder, "apt");
  await Promise.all(
    ["state/lists/partial", "cache/archives/partial", "etc/parts", "etc/preferences.d"].map((path) =>
      mkdir(join(root, path), { recursive: true }),
    ),
  );
  await writeFile(join(root, "status"), status);
  await writeFile(
    join(root, "etc/sources.list"),
    sources.replaceAll("deb ", "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "),
  );
  const settings = {
    "Dir::State": join(root, "state"),
    "Dir::State::status": join(root, "status"),
    "Dir::Cache": join(root, "cache"),
    "Dir::Etc": join(root, "etc"),
    "Dir::Etc::sourceparts": join(root, "etc/parts"),
    "APT::Architecture": "amd64",
    "APT::Architectures": "amd64",
    "APT::Sandbox::User": "root",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const env = { ...process.env, LC_ALL: "C" };
  await run("apt-get", [...options, "-qq", "update"], { env, timeout: 180_000 });
  const { stdout } = await run("apt", [...options, "list", "--upgradable"], { env, timeout: 180_000 });
  return [...stdout.matchAll(/^([^/\s]+)\/\S+ (\S+) (\S+) \[upgradable from: ([^\]]+)\]$/gm)]
    .map(([, name = "", to = "", architecture = "", from = ""]) => `${name} ${architecture} ${from} ${to}`)
    .sort();
}

describe("check of a real Debian image", () => {
  needs(missing)(
    "finds exactly what apt would upgrade",
    async () => {
      const mirror = findDebianMirror() ?? { archive: "", security: "" };
      const sources = suites.map((suite) => `deb ${sourceOf(mirror, suite).uri} ${suite} main\n`).join("");
      const status = await readFile(realStatus, "utf8");
      const tar = makeTar([
        { name: "etc/os-release", body: 'ID=debian\nVERSION_CODENAME=bookworm\nPRETTY_NAME="Debian 12"\n' },
        { name: "etc/apt/sources.list", body: sources },
        { name: "var/lib/dpkg/status", body: status },
      ]);
      const path = join(folder, "layout");
      await pushImage(await openLayout(path, { create: true }), imageOf([tar]), "latest");
      const registries = createRegistryClient();
      const check = createCheck({
        cacheDir: join(folder, "cache"),
        clock: systemClock,
        env: process.env,
        registries,
        localFiles: true,
      });
      const [ours, apts] = await Promise.all([check({ image: path }), askApt(status, sources)]);
      const [platform] = ours.platforms;
      expect(platform).toMatchObject({ status: "complete", problems: [] });
      const found = platform?.updates.map(
        ({ name, architecture, from, to }) => `${name} ${architecture} ${from} ${to}`,
      );
      expect(found?.sort()).toEqual(apts);
      expect(apts.length).toBeGreaterThan(0);
      expect(platform?.updates.filter(({ advisories }) => advisories.length > 0).length).toBeGreaterThan(0);
    },
    120_000,
  );
});
