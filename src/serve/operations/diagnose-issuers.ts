import type { ServerConfig } from "../../core/config/index.ts";
import { fetchKeys } from "../../io/oidc/index.ts";
import { formatSeconds, messageOf, type Clock } from "../../lib/index.ts";
import { fail, well, type Diagnosis, type Part } from "./diagnosis.ts";

/** Clocks that differ by more than this make fresh tokens look as if they were over, or not yet good. */
const harmfulSkewMs = 25_000;

/** Each issuer by whom callers are let in: whether its keys can be had, and whether the clocks agree. */
export function issuerParts({ workloads, login }: Pick<ServerConfig, "workloads" | "login">, clock: Clock): Part[] {
  const addresses = new Set([...workloads, ...(login === undefined ? [] : [login])].map(({ issuer }) => issuer));
  return [...addresses].map((address) => ({
    name: `issuer ${address}`,
    look: (signal) => diagnoseIssuer(address, clock, signal),
  }));
}

async function diagnoseIssuer(address: string, clock: Clock, signal: AbortSignal): Promise<Diagnosis> {
  const name = `issuer ${address}`;
  try {
    const { keys, ahead = 0 } = await fetchKeys(address, () => clock.now(), signal);
    if (keys.length === 0) return fail(name, "it names no key", "Nobody is let in by it until it does.");
    const skew = `this machine's clock is ${formatSeconds(Math.abs(ahead) / 1000)} ${ahead > 0 ? "behind" : "ahead of"} its`;
    if (Math.abs(ahead) >= harmfulSkewMs)
      return fail(name, `${skew}: its tokens are refused`, "Set the clock, and keep it right with NTP.");
    return well(name, `its keys can be had (${keys.length}), and the clocks agree`);
  } catch (error) {
    return fail(
      name,
      messageOf(error),
      "Look at `server.workloads` and `server.login` of the configuration, and whether the server reaches it.",
    );
  }
}
