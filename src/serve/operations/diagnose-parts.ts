import { readFile } from "node:fs/promises";
import { needsEngine, parseConfig, type Config } from "../../core/config/index.ts";
import { mediaTypes } from "../../core/image/index.ts";
import type { RunEngine } from "../../io/engine/index.ts";
import type { Feed } from "../../io/feeds/index.ts";
import type { Repository } from "../../io/registry/index.ts";
import { canonicalJson, formatAge, messageOf, sha256, type Clock } from "../../lib/index.ts";
import { fail, failedBy, warn, well, type Diagnosis } from "./diagnosis.ts";

/** The oldest Node that this program is made for. */
const leastNode = 24;

/** `version` is as `process.version` has it. */
export function diagnoseNode(version: string): Diagnosis {
  const major = Number(/^v?(\d+)\./.exec(version)?.[1]);
  if (major >= leastNode) return well("node", version);
  return fail("node", `${version} is too old`, `Use Node ${leastNode} or newer.`);
}

/** Whether the file still says what runs. */
export async function diagnoseConfig(
  path: string,
  running: Config,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Diagnosis> {
  const name = "configuration";
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    return warn(
      name,
      `${path} cannot be read any more: ${messageOf(error)}`,
      "What was read at the start stays in use until then.",
    );
  }
  const parsed = parseConfig(text, env);
  if (parsed.kind === "invalid") {
    const [first] = parsed.problems;
    const message = `${path}:${first?.line ?? 1}: ${first?.message ?? ""} (${parsed.problems.length} in all)`;
    return fail(name, message, `\`tidemill validate ${path}\` shows every mistake.`);
  }
  if (canonicalJson(parsed.config) !== canonicalJson(running))
    return warn(name, `${path} has changed since it was read`, "Restart the server to work by it.");
  const { images, environments } = running;
  return well(
    name,
    `${path}: ${count(Object.keys(images).length)}, ${environments.map((one) => one.name).join(" → ")}`,
  );
}

/** Whether a repository can be read and written; a few bytes that nothing refers to are left there, for its garbage collection. */
export async function diagnoseRegistry(repository: Repository, clock: Clock, signal: AbortSignal): Promise<Diagnosis> {
  const name = `registry ${repository.registry}`;
  const hint = "Is the registry up, is its address right, and may this user push? `docker login` keeps credentials.";
  try {
    await repository.resolve("latest", signal);
  } catch (error) {
    return failedBy(name, error, hint);
  }
  const probe = Buffer.from(JSON.stringify({ tidemill: "doctor", at: clock.now() }));
  const descriptor = { mediaType: mediaTypes.empty, digest: sha256(probe), size: probe.length };
  try {
    await repository.putBlob(descriptor, () => once(probe), { signal });
    return well(name, `${repository.repository} can be read and written`);
  } catch (error) {
    const { message, hint: advice } = failedBy(name, error, hint);
    return fail(name, `${repository.repository} can be read, but not written: ${message}`, advice ?? hint);
  }
}

/** Whether checks that run a candidate can, and what follows where they cannot. */
export async function diagnoseEngine(config: Config, engine: RunEngine | undefined): Promise<Diagnosis> {
  const name = "run engine";
  const isWanted = [...Object.values(config.images), ...config.environments].some(({ checks }) =>
    checks.some(needsEngine),
  );
  const missing = engine === undefined ? "there is none" : await engine.missing();
  if (missing === undefined) return well(name, `${engine?.name} answers`);
  const hint = "Start Docker, or let this user reach its socket (DOCKER_HOST).";
  if (!isWanted) return well(name, `${missing}; no check needs one`);
  const strict = config.environments.filter(({ requireRun }) => requireRun).map((one) => one.name);
  if (strict.length > 0)
    return fail(name, `${missing}, and ${strict.join(", ")} lets nothing in without checks that need one`, hint);
  return warn(
    name,
    `${missing}: \`run\`, \`http\` and \`tcp\` checks are left out, which every verification says`,
    hint,
  );
}

/** Whether advisories are known. */
export async function diagnoseFeeds(feeds: readonly Feed[], clock: Clock): Promise<readonly Diagnosis[]> {
  if (feeds.length === 0) {
    return [
      warn(
        "feeds",
        "no feed is configured: advisories are unknown",
        "Name one below `feeds:` to know what is vulnerable.",
      ),
    ];
  }
  return Promise.all(
    feeds.map(async (feed) => {
      const { status } = await feed.load();
      const name = `feed ${status.name}`;
      const bad = status.bad === 0 ? "" : `, ${status.bad} records set aside`;
      if (status.alarm !== undefined)
        return fail(
          name,
          status.alarm,
          "Look at its address and the network. What was read before stays in use, as stale.",
        );
      const age = status.checked === undefined ? "never" : `${formatAge((clock.now() - status.checked) / 1000)} ago`;
      return well(name, `${status.advisories} advisories${bad}, read ${age}`);
    }),
  );
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

function count(images: number): string {
  return images === 1 ? "1 image" : `${images} images`;
}
