import { resolve, join } from "node:path";
import type { Config } from "./core/config/index.ts";
import { BuildError, buildEngines, type BuildEngine } from "./io/engine/index.ts";

/** What the engines of a fleet are made with. */
interface BuilderParts {
  readonly config: Config;
  /** Folder of the configuration: paths are relative to it. */
  readonly home: string;
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

type EngineName = keyof typeof buildEngines;

/** How a person gets each engine. */
const hints: Readonly<Record<EngineName, string>> = {
  docker: "Install Docker and start it, or let this user reach its socket.",
  buildctl: "Install buildctl and name buildkitd by `engine: { use: buildctl, address: … }`.",
  buildah: "Install buildah and a runtime: runc or crun.",
};

/**
 * A function that gives the engine which the configuration chooses, else the first that can be used: docker, then a buildkitd whose address is given, then buildah. What earlier processes left in it
 * is taken away once. Throws ENGINE_UNAVAILABLE with what each lacks.
 */
export function createBuilder(parts: BuilderParts): () => Promise<BuildEngine> {
  const { config } = parts;
  const engines = enginesOf(parts);
  let swept: BuildEngine | undefined;
  return async () => {
    const wanted = config.engine.use;
    const names = (Object.keys(engines) as EngineName[]).filter((name) => wanted === "auto" || name === wanted);
    const lacking: string[] = [];
    for (const name of names) {
      const engine = engines[name];
      const missing = engine === undefined ? "no address of a buildkitd is given" : await engine.missing();
      if (engine === undefined || missing !== undefined) {
        lacking.push(`${name}: ${missing}`);
        continue;
      }
      if (swept !== engine) await engine.sweep().catch(() => 0);
      swept = engine;
      return engine;
    }
    throw new BuildError("ENGINE_UNAVAILABLE", `there is nothing that builds a Dockerfile: ${lacking.join("; ")}`, {
      hint: names.map((name) => hints[name]).join(" Or: "),
      retry: true,
    });
  };
}

function enginesOf({
  config,
  home,
  dataDir,
  cacheDir,
  env,
}: BuilderParts): Record<EngineName, BuildEngine | undefined> {
  const { address, tls } = config.engine;
  const common = { instance: resolve(dataDir), dir: join(cacheDir, "engine"), env };
  const pem = tls && { ca: resolve(home, tls.ca), cert: resolve(home, tls.cert), key: resolve(home, tls.key) };
  return {
    docker: buildEngines.docker(common),
    buildctl:
      address === undefined
        ? undefined
        : buildEngines.buildctl({ ...common, address, ...(pem === undefined ? {} : { tls: pem }) }),
    buildah: buildEngines.buildah(common),
  };
}
