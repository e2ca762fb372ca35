import { resolve } from "node:path";
import type { ServerConfig } from "../../core/config/index.ts";
import type { Clock } from "../../lib/index.ts";
import { formatInstant } from "../../operation/index.ts";
import { readTls } from "../read-tls.ts";
import { fail, failedBy, warn, well, type Diagnosis } from "./diagnosis.ts";

const name = "certificate";
const soonMs = 14 * 86_400_000;

/** Whether what the server shows to others can be used, and for how long; nothing where it shows none. `home` is what paths are relative to. */
export async function diagnoseAccess(
  { tls }: Pick<ServerConfig, "tls">,
  home: string,
  clock: Clock,
): Promise<readonly Diagnosis[]> {
  if (tls === undefined) return [];
  try {
    const { validTo } = await readTls({ cert: resolve(home, tls.cert), key: resolve(home, tls.key) });
    const until = `${tls.cert} is good until ${formatInstant(validTo)}`;
    const hint = "Put a renewed one in its place: it is read within a minute.";
    if (validTo <= clock.now()) return [fail(name, `${tls.cert} ended at ${formatInstant(validTo)}`, hint)];
    return [validTo - clock.now() < soonMs ? warn(name, until, hint) : well(name, until)];
  } catch (error) {
    return [failedBy(name, error, "Look at `server.tls` of the configuration.")];
  }
}
