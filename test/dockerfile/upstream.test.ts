import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { parseManifest } from "../../src/core/image/index.ts";
import { createFleetOperations } from "../../src/fleet-operations.ts";
import { openFleet } from "../../src/fleet.ts";
import {
  createRegistryClient,
  createRegistryServer,
  type RegistryClient,
  type RegistryServer,
} from "../../src/io/registry/index.ts";
import { collectBytes } from "../../src/lib/index.ts";
import { createMill, requestOf, type Mill } from "../../src/loop/build/testdata/mill.ts";
import { missingMirror, realPackages } from "../../src/loop/build/testdata/real-packages.ts";
import type { CandidateOrigin } from "../../src/loop/context.ts";
import { findDebianMirror } from "../apt/debian-mirror.ts";
import { inContainer, missingDocker } from "../assembly/docker-run.ts";
import { createPgliteDir } from "../fakes/stores.ts";
import { needs } from "../needs.ts";

const missing = (await missingMirror()) ?? (await missingDocker());
const roots = ["base-files", "base-passwd", "dpkg", "openssl", "ca-certificates", "coreutils", "dash"];

let mill: Mill;
let owner: RegistryServer;
let client: RegistryClient;
let host: string;
let folder: string;
beforeAll(async () => {
  mill = await createMill();
  folder = await mkdtemp(join(tmpdir(), "tidemill-upstream-"));
  owner = await createRegistryServer({ dir: join(folder, "owner") });
  ({ host } = await owner.listen(0));
  client = createRegistryClient({ retries: 0 });
});
afterAll(async () => {
  await client.close();
  await owner.close();
  await mill.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Their image, as of the packages of these suites, under its tag. */
async function publish(suites: readonly string[]): Promise<void> {
  const real = await realPackages(suites);
  const assembler = mill.assembler({ fetchPackage: (record) => real.fetch(record) });
  const repository = client.repository(`${host}/third`);
  const { digest } = await assembler.assemble(requestOf(real.resolve(roots)), repository);
  await repository.tag(digest, "1");
}

const configText = (): string => `version: 1
upstreams:
  debian: { kind: debian, codename: bookworm, mirror: "${findDebianMirror()?.archive}", securityMirror: "${findDebianMirror()?.security}", suites: [release, security] }
environments: [{ name: staging }, { name: production }]
images:
  third: { recipe: upstream, from: "${host}/third:1" }
bases:
  "${host}/third": { settle: 0s, coolDown: 0s }
`;

describe("somebody else's image in a fleet", () => {
  needs(missing)(
    "is patched where its owner lags, with an OpenVEX document of what that fixed, and is theirs again when they have caught up",
    async () => {
      await publish(["bookworm"]);
      const configPath = join(folder, "tidemill.yaml");
      await writeFile(configPath, configText());
      const dataDir = await createPgliteDir();
      const env = { PATH: process.env["PATH"], HOME: process.env["HOME"] };
      const failures: string[] = [];
      const fleet = await openFleet({
        configPath,
        dataDir,
        env,
        onEvent: ({ kind, message }) => void (kind === "failed" && failures.push(message)),
      });
      try {
        const { store } = fleet.ctx;
        const operations = createFleetOperations(fleet, { env, configPath, serving: undefined });
        const inProduction = async () => {
          const pointer = (await store.loadPointers("third")).find(({ environment }) => environment === "production");
          const row =
            pointer?.digest === undefined || pointer.digest === null
              ? undefined
              : await store.loadImageDigest("third", pointer.digest);
          if (row === undefined) throw new Error(`nothing of it is in production: ${failures.join("; ")}`);
          const held = await store.loadInventories(Object.values(row.inventories));
          const openssl = [...held.values()].flatMap(({ packages }) => packages).find(({ name }) => name === "openssl");
          return { digest: row.digest, origin: row.detail["origin"] as CandidateOrigin, openssl: openssl?.version };
        };
        const newest = (await realPackages(["bookworm", "bookworm-security"])).universe.versions("openssl")[0]?.version;
        const theirs = (await realPackages(["bookworm"])).universe.versions("openssl")[0]?.version;
        expect(newest).not.toBe(theirs);

        await operations.run({});
        const patched = await inProduction();
        expect(patched).toMatchObject({ origin: { remedy: "patch" }, openssl: newest });
        const repository = fleet.ctx.repositoryOf("third");
        const [artifact] = await repository.referrers(patched.digest, "application/vnd.openvex+json");
        const raw = artifact && (await repository.manifest(artifact.digest));
        const [layer] = raw === undefined ? [] : parseManifest(raw.bytes, raw.mediaType).layers;
        if (layer === undefined) throw new Error("there is no OpenVEX document");
        const vex = (await collectBytes(repository.blob(layer), 2 ** 24, "VEX")).toString();
        expect(vex).toContain(`pkg:deb/debian/openssl@${newest}`);
        expect(JSON.parse(vex)).toMatchObject({
          statements: expect.arrayContaining([expect.objectContaining({ status: "fixed" })]) as unknown,
        });

        const name = `${repository.registry}/${repository.repository}:production`;
        const shown = await inContainer(
          name,
          "dpkg --audit; dpkg -V openssl; dpkg-query -W -f '${Version}\\n' openssl; openssl version",
        );
        expect(shown.output).toContain(`${newest}\nOpenSSL `);

        const again = await operations.run({});
        expect(again.rebuilds).toEqual([]);
        await publish(["bookworm", "bookworm-security"]);
        // A registry tells the time in whole seconds: what was pushed in this one is young by its clock.
        for (let tries = 0; tries < 10 && (await inProduction()).origin.remedy !== "mirror"; tries += 1) {
          await delay(1100);
          await operations.look({ references: [`${host}/third:1`] });
          await operations.run({});
        }
        const caughtUp = await inProduction();
        expect(caughtUp).toMatchObject({ origin: { remedy: "mirror" }, openssl: newest });
        expect(caughtUp.digest).toBe((await client.repository(`${host}/third`).resolve("1"))?.digest);
        expect(failures).toEqual([]);
      } finally {
        await fleet.close();
        await rm(dataDir, { recursive: true, force: true });
      }
    },
    300_000,
  );
});
