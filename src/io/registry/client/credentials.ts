import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { RegistryError } from "../error.ts";

/** What a registry asks for: a name and password, or a token to be exchanged for others. */
export type Credentials = { readonly username: string; readonly password: string } | { readonly identityToken: string };

/** The credentials for a registry (`docker.io`, `localhost:5000`), or undefined where there are none. */
export type CredentialSource = (registry: string) => Promise<Credentials | undefined>;

interface DockerConfig {
  readonly auths?: Readonly<Record<string, { readonly auth?: unknown; readonly identitytoken?: unknown }>>;
  readonly credHelpers?: Readonly<Record<string, unknown>>;
  readonly credsStore?: unknown;
}

const configLimit = 1024 * 1024;
const helperLimit = 64 * 1024;
const helperMs = 10_000;
/** How docker writes its own registry's name into auths. */
const dockerHubKeys = ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"];

/** Reads docker's config.json at every call: `path`, else `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`. A missing file has no credentials; a broken one throws BAD_CREDENTIALS. */
export function dockerCredentials(path?: string): CredentialSource {
  return async (registry) => {
    const config = await readConfig(
      path ?? join(process.env.DOCKER_CONFIG ?? join(homedir(), ".docker"), "config.json"),
    );
    const keys = registry === "docker.io" ? dockerHubKeys : [registry, `https://${registry}`, `http://${registry}`];
    for (const key of keys) {
      const helper = config.credHelpers?.[key];
      if (typeof helper === "string") return askHelper(helper, key);
    }
    for (const [name, entry] of Object.entries(config.auths ?? {})) {
      if (!keys.includes(name) && !keys.includes(name.replace(/\/(?:v[12]\/?)?$/, ""))) continue;
      const found = readAuth(name, entry);
      if (found !== undefined) return found;
    }
    const store = config.credsStore;
    return typeof store === "string" && store !== "" ? askHelper(store, keys[0] ?? registry) : undefined;
  };
}

async function readConfig(path: string): Promise<DockerConfig> {
  try {
    const text = await readFile(path, "utf8");
    if (text.length > configLimit) throw new Error("it is too large");
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return {};
    // The cause may quote the file, which holds secrets.
    throw new RegistryError("BAD_CREDENTIALS", `${path} cannot be read as docker's config.json`, {
      hint: "Check the file, or log in again.",
    });
  }
}

function readAuth(name: string, entry: { auth?: unknown; identitytoken?: unknown } | null): Credentials | undefined {
  if (typeof entry?.identitytoken === "string" && entry.identitytoken !== "")
    return { identityToken: entry.identitytoken };
  if (typeof entry?.auth !== "string" || entry.auth === "") return undefined;
  const text = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 1) {
    throw new RegistryError("BAD_CREDENTIALS", `auths["${name}"] in docker's config.json is not name:password`);
  }
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, "") };
}

async function askHelper(helper: string, server: string): Promise<Credentials | undefined> {
  const program = `docker-credential-${helper}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,60}$/.test(helper)) {
    throw new RegistryError(
      "BAD_CREDENTIALS",
      "docker's config.json names a credential helper with an impossible name",
    );
  }
  const { status, output } = await run(program, server);
  if (status !== 0) {
    if (/credentials not found/i.test(output)) return undefined;
    throw new RegistryError("BAD_CREDENTIALS", `${program} get failed for ${server}`, {
      hint: "Run it by hand to see why.",
    });
  }
  try {
    const { Username: username, Secret: password } = JSON.parse(output) as { Username?: unknown; Secret?: unknown };
    if (typeof username !== "string" || typeof password !== "string") throw new Error("fields are missing");
    if (password === "") return undefined;
    return username === "<token>" ? { identityToken: password } : { username, password };
  } catch {
    throw new RegistryError("BAD_CREDENTIALS", `${program} answered something other than credentials for ${server}`);
  }
}

function run(program: string, input: string): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, ["get"], {
      stdio: ["pipe", "pipe", "ignore"],
      timeout: helperMs,
      killSignal: "SIGKILL",
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (output.length > helperLimit) child.kill("SIGKILL");
    });
    child.on("error", (cause) => {
      reject(
        new RegistryError("BAD_CREDENTIALS", `${program} cannot be run`, {
          cause,
          hint: "Docker's config.json names it; is it installed?",
        }),
      );
    });
    child.on("close", (status) => resolve({ status: output.length > helperLimit ? null : status, output }));
    child.stdin.on("error", () => undefined).end(input);
  });
}
