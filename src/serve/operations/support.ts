import { readFile } from "node:fs/promises";
import { availableParallelism, freemem, loadavg, release, totalmem } from "node:os";
import { secretsOf } from "../../core/config/index.ts";
import { maskSecrets, messageOf } from "../../lib/index.ts";
import type { Context } from "../../loop/context.ts";
import { parseInput, type OperationHandlers, type OperationName } from "../../operation/index.ts";

export interface SupportOptions {
  readonly configPath: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

/** Operations whose answers are in the bundle, with what they are asked. */
const answers = {
  doctor: {},
  status: {},
  summary: {},
  plan: {},
  images: { limit: 500 },
  rebuilds: { limit: 200 },
  promotions: { limit: 200 },
  history: { limit: 500 },
  exposure: { limit: 500 },
  retention: {},
  auditVerify: {},
} as const satisfies Partial<Record<OperationName, object>>;

const maxConfig = 1_048_576;

/** What stands, what was done, and the configuration, each as a file; what cannot be had says why in its place. Texts that the configuration or the environment calls secret are masked everywhere. */
export function createSupport(
  { config, clock }: Pick<Context, "config" | "clock">,
  handlers: Pick<OperationHandlers, keyof typeof answers>,
  { configPath, env, version }: SupportOptions,
): OperationHandlers["support"] {
  const ask = async (name: keyof typeof answers): Promise<string> => {
    try {
      const handler = handlers[name] as (request: unknown) => Promise<unknown>;
      return JSON.stringify(await handler(parseInput(name, answers[name])), undefined, 2);
    } catch (error) {
      return JSON.stringify({ failed: messageOf(error) });
    }
  };
  return async () => {
    const machine = {
      at: new Date(clock.now()).toISOString(),
      version,
      node: process.version,
      platform: `${process.platform} ${process.arch} ${release()}`,
      processors: availableParallelism(),
      load: loadavg(),
      memory: { total: totalmem(), free: freemem(), process: process.memoryUsage().rss },
      upSeconds: Math.round(process.uptime()),
      // Which are set, not what they say.
      variables: Object.keys(env)
        .filter((name) => /^(?:TIDEMILL|DATABASE|DOCKER|OTEL|XDG|SSL|NODE)_/.test(name))
        .sort(),
    };
    const text = await readFile(configPath, "utf8").catch((error: unknown) => `# ${messageOf(error)}\n`);
    const names = Object.keys(answers) as (keyof typeof answers)[];
    const files = [
      { name: "machine.json", text: JSON.stringify(machine, undefined, 2) },
      { name: "tidemill.yaml", text: text.slice(0, maxConfig) },
      ...(await Promise.all(names.map(async (name) => ({ name: `${name}.json`, text: await ask(name) })))),
    ];
    const secrets = secretsOf({ config, ...env });
    return { files: files.map((file) => ({ ...file, text: maskSecrets(file.text, secrets) })) };
  };
}
