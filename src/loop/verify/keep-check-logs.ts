import { formatPlatform } from "../../core/image/index.ts";
import type { StoredCheck, Verification } from "../../io/store/index.ts";
import { maskSecrets, messageOf, printable, secretForms } from "../../lib/index.ts";
import type { Context } from "../context.ts";
import { maxCheckLog } from "./last-lines.ts";
import type { CheckResult } from "./types.ts";

/** Checks as they are kept with a verification: the secrets of the configuration masked in what they say. */
export function storedChecks({ config }: Pick<Context, "config">, checks: readonly CheckResult[]): StoredCheck[] {
  const secrets = secretsOf(config);
  return checks.map((check) => {
    const { verdict, messages, asks } = check;
    const message = maskSecrets(messages.slice(0, 20).join("; "), secrets);
    return { name: storedName(check), verdict, message, ...(asks === true ? { asks } : {}) };
  });
}

/** Keeps all that checks said, within limits, printable, the secrets of the configuration masked. Without a log a verdict is as good as with one: what keeps it from being kept is logged. */
export async function keepCheckLogs(
  { config, store, log }: Pick<Context, "config" | "store" | "log">,
  { id }: Pick<Verification, "id">,
  checks: readonly CheckResult[],
): Promise<void> {
  const secrets = secretsOf(config);
  const logs = checks.flatMap((check) => {
    if (check.log === undefined || check.log === "") return [];
    const masked = maskSecrets(check.log, secrets).slice(-maxCheckLog);
    const text = masked.trimEnd().split("\n").map(printable).join("\n");
    return [{ name: storedName(check), text }];
  });
  if (logs.length === 0) return;
  try {
    await store.saveCheckLogs(id, logs);
  } catch (error) {
    log.warn({ verification: id, error: messageOf(error) }, "what checks said could not be kept");
  }
}

function storedName({ name, platform }: CheckResult): string {
  return `${name} (${formatPlatform(platform)})`;
}

const secretKey = /secret|token|passw|credential|private|api.?key/i;

/** What in a configuration is nobody's to read, by the names of its keys, in the forms in which it may stand in a text; longest first. */
export function secretsOf(config: unknown): readonly string[] {
  const found: string[] = [];
  const look = (value: unknown, key: string): void => {
    if (typeof value === "string") {
      if (secretKey.test(key)) found.push(value);
      const userinfo = /^[a-z+]+:\/\/[^/@:]*:([^/@]+)@/i.exec(value)?.[1];
      if (userinfo !== undefined) found.push(userinfo);
    } else if (Array.isArray(value)) for (const one of value) look(one, key);
    else if (typeof value === "object" && value !== null)
      for (const [name, one] of Object.entries(value)) look(one, name);
  };
  look(config, "");
  return secretForms(found);
}
