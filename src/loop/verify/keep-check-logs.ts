import { secretsOf } from "../../core/config/index.ts";
import { formatPlatform } from "../../core/image/index.ts";
import type { StoredCheck, Verification } from "../../io/store/index.ts";
import { maskSecrets, messageOf, printable } from "../../lib/index.ts";
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
