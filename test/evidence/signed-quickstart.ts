import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse, stringify } from "yaml";
import { createRegistryClient, type RegistryClient } from "../../src/io/registry/index.ts";
import {
  missingDockerRegistry,
  startDockerRegistry,
  type DockerRegistry,
} from "../../src/io/registry/testdata/docker-registry.ts";
import { makeKeys } from "../../src/io/sign/index.ts";
import type { Digest } from "../../src/lib/index.ts";
import { noTide, readPointers, runQuickstart, runTidemill, tideConfig } from "../quickstart/run-quickstart.ts";
import { cosign, passphrase, run } from "./signed-fleet.ts";

const noJq = await run("jq", ["--version"]).then(
  () => undefined,
  () => "jq, which is not installed",
);
/** Why evidence cannot be verified by others' tools here, or undefined. */
export const missing = cosign.missing ?? (await missingDockerRegistry()) ?? noJq;
export const script = fileURLToPath(new URL("verify-evidence", import.meta.url));

/** The quickstart on the shipped archive, signed, in a registry of somebody else's. */
export interface SignedQuickstart {
  readonly folder: string;
  readonly docker: DockerRegistry;
  readonly client: RegistryClient;
  /** What `tide-app` in production is, and `tide-base`. */
  readonly digest: Digest;
  readonly other: Digest;
  /** Path of the public key; `eve.pub` beside it signed nothing. */
  readonly key: string;
  /** Writes the export of an image's digest in production to `FOLDER/IMAGE.tar`; gives its files by their path. */
  readonly exportOf: (image: string) => Promise<Map<string, Buffer>>;
  /** What the script says; rejects where it refuses. Whatever it asks of another machine fails. */
  readonly verify: (...args: readonly string[]) => Promise<string>;
  readonly close: () => Promise<void>;
}

export async function createSignedQuickstart(): Promise<SignedQuickstart> {
  const folder = await mkdtemp(join(tmpdir(), "tidemill-verify-"));
  await mkdir(join(folder, "bin"));
  await symlink(cosign.path, join(folder, "bin", "cosign"));
  const docker = await startDockerRegistry();
  const client = createRegistryClient();
  for (const name of ["mill", "eve"]) await makeKeys(join(folder, name), "ecdsa-p256", passphrase);
  const fleet = parse(await readFile(tideConfig, "utf8")) as Record<string, unknown>;
  const registry = { url: docker.host, insecure: true };
  const config = join(folder, "tide.yaml");
  await writeFile(config, stringify({ ...fleet, registry, evidence: { key: "mill.key" } }));
  await cp(join(dirname(tideConfig), "archive"), join(folder, "archive"), { recursive: true });
  const data = join(folder, "data");
  const env = { TIDEMILL_KEY_PASSPHRASE: passphrase };
  await runQuickstart(["--config", config, "--data", data], { env });
  const pointers = await readPointers(data);
  const named = (image: string): Digest => {
    const found = pointers[`${image}:production`];
    if (found === undefined || found === null) throw new Error(`${image} is not in production`);
    return found as Digest;
  };
  return {
    folder,
    docker,
    client,
    digest: named("tide-app"),
    other: named("tide-base"),
    key: join(folder, "mill.pub"),
    exportOf: async (image) => {
      const to = join(folder, `${image}.tar`);
      const args = ["evidence", "export", image, "--output", to, "--config", config, "--data", data];
      const ended = await runTidemill(args, { env: { ...noTide, ...env } });
      if (ended.status !== 0) throw new Error(ended.err);
      return unpack(to, await mkdtemp(join(folder, "unpacked-")));
    },
    verify: async (...args) => (await run(script, args, { env: offline(folder) })).stdout,
    close: async () => {
      await client.close();
      await docker.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function offline(folder: string): NodeJS.ProcessEnv {
  const nowhere = "http://127.0.0.1:1";
  const proxies = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"].map((name) => [name, nowhere] as const);
  return {
    PATH: `${join(folder, "bin")}:/usr/local/bin:/usr/bin:/bin`,
    SCHEME: "http",
    ...Object.fromEntries(proxies),
    NO_PROXY: "127.0.0.1",
    no_proxy: "127.0.0.1",
  };
}

async function unpack(tar: string, into: string): Promise<Map<string, Buffer>> {
  await run("tar", ["-xf", tar, "-C", into]);
  const names = await readdir(into, { recursive: true, withFileTypes: true });
  const files = new Map<string, Buffer>();
  for (const one of names.filter((entry) => entry.isFile())) {
    const path = join(one.parentPath, one.name);
    files.set(path.slice(into.length + 1), await readFile(path));
  }
  return files;
}

/** A bundle with another letter within the base64 of a part of it. */
export function otherLetter(bundle: string, part: "payload" | "sig"): string {
  const at = bundle.indexOf(`"${part}":"`) + part.length + 24;
  return `${bundle.slice(0, at)}${bundle[at] === "A" ? "B" : "A"}${bundle.slice(at + 1)}`;
}
