import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseConfig, type Config } from "./core/config/index.ts";
import { AppError, digestHex, messageOf, sha256, writeFileDurable } from "./lib/index.ts";
import { readVersion } from "./version.ts";

export class ConfigError extends AppError<"CONFIG_MISSING" | "CONFIG_INVALID"> {}

/** Characters from which on reading YAML takes long enough to be spared the next time. */
const worthCaching = 65_536;

/** The configuration at `path`. Throws CONFIG_MISSING, and CONFIG_INVALID with every mistake and its place. */
export async function loadConfig(
  path: string,
  env: Readonly<Record<string, string | undefined>>,
  cacheDir?: string,
): Promise<{ readonly config: Config; readonly text: string }> {
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    throw new ConfigError("CONFIG_MISSING", `the configuration ${path} cannot be read: ${messageOf(error)}`, {
      hint: "Name one by --config, or begin with examples/quickstart/tidemill.yaml.",
    });
  });
  const cached = cacheDir === undefined ? undefined : cachePath(cacheDir, text);
  const known = cached === undefined ? undefined : await readCached(cached);
  if (known !== undefined) return { config: known, text };
  const parsed = parseConfig(text, env);
  if (parsed.kind === "ok") {
    if (cached !== undefined) await writeFileDurable(cached, JSON.stringify(parsed.config)).catch(() => undefined);
    return { config: parsed.config, text };
  }
  const lines = parsed.problems.map(({ line, column, path: at, message, hint }) => {
    const place = at === "" ? "" : `${at}: `;
    return `${path}:${line}:${column}: ${place}${message}${hint === undefined ? "" : ` (${hint})`}`;
  });
  throw new ConfigError("CONFIG_INVALID", lines.join("\n"), { hint: "`tidemill schema` gives editors its shape." });
}

/** Where what a text says is kept: by the text and the version that read it. One that names variables says something else each time. */
function cachePath(cacheDir: string, text: string): string | undefined {
  if (text.length < worthCaching || text.includes("${")) return undefined;
  return join(cacheDir, "config", `${digestHex(sha256(`${readVersion()}\0${text}`))}.json`);
}

async function readCached(path: string): Promise<Config | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Config;
  } catch {
    return undefined;
  }
}
