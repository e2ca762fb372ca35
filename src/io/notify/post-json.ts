import { fetchFailure } from "../../lib/index.ts";
import type { Means, Sent } from "./types.ts";

const timeoutMs = 15_000;
const longestAfterMs = 6 * 3_600_000;

/** Posts `body`; redirects are not followed. 2xx is sent, 410 gone, all else failed, with what `Retry-After` asks for (RFC 9110, 10.2.3). */
export async function postJson(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  { fetch: ask }: Pick<Means, "fetch">,
  signal: AbortSignal,
): Promise<Sent> {
  try {
    const response = await ask(url, {
      method: "POST",
      body,
      redirect: "manual",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      headers: { "content-type": "application/json", "user-agent": "tidemill", ...headers },
    });
    await response.body?.cancel();
    if (response.ok) return { kind: "sent", answer: `it answered ${response.status}` };
    const problem = `the receiver answered ${response.status}`;
    if (response.status === 410) return { kind: "gone", problem };
    return { kind: "failed", problem, afterMs: afterOf(response.headers.get("retry-after")) };
  } catch (error) {
    return { kind: "failed", problem: fetchFailure(error), afterMs: undefined };
  }
}

function afterOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), longestAfterMs) : undefined;
}
