import { execFile } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";
import { promisify } from "node:util";
import { printable } from "../../../lib/index.ts";

const run = promisify(execFile);

/** How docker builds here: by the buildx plugin, by the BuildKit client that older programs hold, or by the classic builder. */
export type DockerBuilder = "buildx" | "buildkit" | "classic";

/** The program to build with, or why there is none. */
export type FoundDocker =
  | {
      readonly kind: "found";
      readonly program: string;
      readonly builder: DockerBuilder;
      readonly root: string | undefined;
    }
  | { readonly kind: "missing"; readonly why: string };

const probeMs = 10_000;
const mostPrograms = 4;
/** From here on the program has no BuildKit client without the plugin. */
const pluginOnly = 23;

/**
 * The first docker program of the PATH that reaches a daemon and can use BuildKit, else the first that reaches one; with
 * `wanted`, one that can build in that way. `root` is the daemon's folder where it is on this machine.
 */
export async function findDocker(
  env: Readonly<Record<string, string>>,
  named: string | undefined,
  wanted: "auto" | "buildkit" | "classic",
): Promise<FoundDocker> {
  const programs = named === undefined ? await programsOf("docker", env["PATH"] ?? "") : [named];
  if (programs.length === 0) return { kind: "missing", why: "docker is not installed" };
  let classic: FoundDocker | undefined;
  let why = "";
  for (const program of programs.slice(0, mostPrograms)) {
    const seen = await probe(program, env);
    if (typeof seen === "string") {
      why ||= seen;
      continue;
    }
    const { builder, root } = seen;
    if (wanted !== "classic" && builder !== "classic") return { kind: "found", program, builder, root };
    classic ??= { kind: "found", program, builder: "classic", root };
  }
  if (classic !== undefined && wanted !== "buildkit") return classic;
  if (classic !== undefined)
    return { kind: "missing", why: "docker's BuildKit needs the buildx plugin, which is not installed" };
  return { kind: "missing", why };
}

async function probe(
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string | { readonly builder: DockerBuilder; readonly root: string | undefined }> {
  const options = { env, timeout: probeMs, killSignal: "SIGKILL" } as const;
  const ask = (...args: string[]): Promise<string | undefined> =>
    run(program, args, options).then(
      ({ stdout }) => stdout.trim(),
      () => undefined,
    );
  let client: string;
  try {
    const { stdout } = await run(program, ["version", "--format", "{{.Client.Version}} {{.Server.Os}}"], options);
    [client = ""] = stdout.trim().split(" ");
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    const [line = ""] = (stderr ?? "").trim().split("\n").slice(-1);
    return `${program} reaches no daemon: ${printable((line === "" ? message : line).slice(0, 300))}`;
  }
  const root = await ask("info", "--format", "{{.DockerRootDir}}");
  const local = root !== undefined && isAbsolute(root) && (await exists(root)) && isLocal(env) ? root : undefined;
  if ((await ask("buildx", "version")) !== undefined) return { builder: "buildx", root: local };
  return { builder: Number.parseInt(client, 10) < pluginOnly ? "buildkit" : "classic", root: local };
}

function isLocal(env: Readonly<Record<string, string>>): boolean {
  const host = env["DOCKER_HOST"] ?? "";
  return (host === "" || host.startsWith("unix:")) && (env["DOCKER_CONTEXT"] ?? "default") === "default";
}

/** Where programs of a name stand in the folders of `path`, in their order. */
async function programsOf(name: string, path: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of new Set(path.split(delimiter).filter(isAbsolute)))
    if (await exists(join(folder, name), constants.X_OK)) found.push(join(folder, name));
  return found;
}

function exists(path: string, mode = constants.F_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}
