import type { ProbeConfig } from "../../core/config/index.ts";
import { probeCommand, probeHttp, probeTcp, type ProbeResult } from "../../io/probe/index.ts";
import type { Pointer } from "../../io/store/index.ts";

/** Asks the service that runs what a pointer names, once. Only an abort throws. */
export async function askProbe(probe: ProbeConfig, pointer: Pointer, signal: AbortSignal): Promise<ProbeResult> {
  const { image, environment, digest } = pointer;
  const timeoutMs = probe.timeout;
  const named = (text: string): string => text.replaceAll("{image}", image);
  if ("http" in probe) {
    const { url, status, contains, ...rest } = probe.http;
    const wanted = { ...(status === undefined ? {} : { status }), ...(contains === undefined ? {} : { contains }) };
    return probeHttp({ ...rest, ...wanted, url: named(url), timeoutMs }, signal);
  }
  if ("tcp" in probe) {
    const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(named(probe.tcp)) ?? [];
    if (Number(port) > 65_535) return { kind: "failed", ms: 0, reason: `${port} is no port` };
    return probeTcp({ host, port: Number(port), timeoutMs }, signal);
  }
  const env = { TIDEMILL_IMAGE: image, TIDEMILL_ENVIRONMENT: environment, TIDEMILL_DIGEST: digest ?? "" };
  return probeCommand({ command: probe.command, env, timeoutMs }, signal);
}
