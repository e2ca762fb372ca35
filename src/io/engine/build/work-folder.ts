import { createHash } from "node:crypto";
import { mkdir, mkdtemp, open, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BuildError } from "./build-error.ts";
import { endGroup } from "./run-program.ts";
import type { BuildSecret } from "./types.ts";

/** The folder of one build: nobody else may look into it. */
export interface WorkFolder {
  readonly path: string;
  /** Writes a file that only we can read; resolves to its path. */
  put(name: string, content: string | Uint8Array): Promise<string>;
  folder(name: string): Promise<string>;
  /** Notes a process group, so that a later process can end it where this one is killed. */
  readonly note: (group: number) => Promise<void>;
  remove(): Promise<void>;
}

/** What BuildKit takes. */
const secretLimit = 500_000;
const mostSecrets = 100;

/** A new folder in `dir`. */
export async function createWorkFolder(dir: string): Promise<WorkFolder> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = await mkdtemp(join(dir, "build-"));
  let groups = "";
  return {
    path,
    put: async (name, content) => {
      await writeFile(join(path, name), content, { mode: 0o600, flag: "wx" });
      return join(path, name);
    },
    folder: async (name) => {
      await mkdir(join(path, name), { mode: 0o700, recursive: true });
      return join(path, name);
    },
    note: async (group) => {
      groups += `${group} ${(await startOf(group)) ?? ""}\n`;
      await writeFile(join(path, "groups"), groups, { mode: 0o600 });
    },
    remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }),
  };
}

/**
 * Writes a Dockerfile with a time made of its content: BuildKit takes a file of the same size and time for the one that it
 * has from an earlier build, and two Dockerfiles that differ in a digest are of one size.
 */
export async function putDockerfile(
  folder: WorkFolder,
  name: string,
  text: string,
  ignoreFile: string | undefined,
): Promise<string> {
  const place = await folder.folder(name);
  const write = async (file: string, content: string): Promise<void> => {
    await writeFile(join(place, file), content, { mode: 0o600 });
    const seconds = createHash("sha256").update(content).digest().readUIntBE(0, 6) / 1_000_000;
    await utimes(join(place, file), seconds, seconds);
  };
  await write("Dockerfile", text);
  if (ignoreFile !== undefined) await write("Dockerfile.dockerignore", ignoreFile);
  return place;
}

/** A secret in a file of the work folder, and its value for masking. */
export interface PreparedSecret {
  readonly id: string;
  readonly path: string;
  readonly value: string;
}

/** Reads secrets from where they are and puts each into a file of its own. Throws BAD_SECRET, naming it and no value. */
export async function prepareSecrets(
  folder: WorkFolder,
  secrets: readonly BuildSecret[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<PreparedSecret[]> {
  if (secrets.length > mostSecrets) throw new BuildError("BAD_SECRET", `more than ${mostSecrets} secrets`);
  if (secrets.length > 0) await folder.folder("secrets");
  const prepared: PreparedSecret[] = [];
  for (const [at, secret] of secrets.entries()) {
    const { id } = secret;
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(id))
      throw new BuildError(
        "BAD_SECRET",
        `the id of secret ${at + 1} has other characters than letters, digits and _ . -`,
      );
    const value = "env" in secret ? readVariable(id, secret.env, env) : await readSecretFile(id, secret.file);
    if (value.byteLength > secretLimit)
      throw new BuildError("BAD_SECRET", `the secret ${id} is larger than ${secretLimit} bytes`);
    const path = await folder.put(join("secrets", String(at)), value);
    prepared.push({ id, path, value: Buffer.from(value).toString("utf8") });
  }
  return prepared;
}

/** Ends the programs of builds that an earlier process left in `dir`; resolves to their folders. They stay until they are removed. */
export async function endLeftBuilds(dir: string): Promise<string[]> {
  const names = await readdir(dir).catch(() => []);
  const folders = names.filter((name) => name.startsWith("build-")).map((name) => join(dir, name));
  for (const folder of folders) {
    const noted = await readFile(join(folder, "groups"), "utf8").catch(() => "");
    for (const line of noted.split("\n")) {
      const [group = "", start = ""] = line.split(" ");
      // The number may be another process's by now.
      if (start !== "" && (await startOf(Number(group))) === start) await endGroup(Number(group));
    }
  }
  return folders;
}

/** When a process started, in ticks since the machine did: proc(5), field 22. Undefined where there is none, or no /proc. */
async function startOf(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
}

function readVariable(id: string, name: string, env: Readonly<Record<string, string | undefined>>): Buffer {
  const value = env[name];
  if (value === undefined)
    throw new BuildError("BAD_SECRET", `the secret ${id} comes from the variable ${name}, which is not set`, {
      hint: "Set it in the environment that Tidemill runs in.",
    });
  return Buffer.from(value);
}

async function readSecretFile(id: string, path: string): Promise<Buffer> {
  try {
    const file = await open(path, "r");
    try {
      const found = await file.stat();
      if (!found.isFile() || found.size > secretLimit)
        throw new BuildError("BAD_SECRET", `the secret ${id} is no file of at most ${secretLimit} bytes`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof BuildError) throw cause;
    throw new BuildError("BAD_SECRET", `the file of the secret ${id} cannot be read`, {
      cause,
      hint: `Look at ${path}.`,
    });
  }
}
