import type { ProbeConfig } from "../../core/config/index.ts";
import { judgeAnswers, passedBetween, type Look } from "../../core/policy/index.ts";
import type { Soak } from "../../io/store/index.ts";
import { readSoakDetail, type ProbeAnswers, type SoakDetail } from "./soak.ts";

/** One answer to one probe. */
export interface CountedAnswer {
  readonly probe: ProbeConfig;
  readonly passed: boolean;
  readonly reason: string;
  /** Milliseconds from the question to it. */
  readonly ms: number;
  readonly look: Look;
}

/**
 * What is known of a soak after one more answer. Time counts while all probes are content, and only as much of it as lies between two questions: what nobody watched is no soak. A process
 * that does not have the word changes nothing.
 */
export function countAnswer(
  before: Soak | undefined,
  answer: CountedAnswer,
  probes: readonly ProbeConfig[],
  prober: { readonly owner: string; readonly isAlone: boolean },
): { readonly stoodMs: number; readonly detail: SoakDetail } {
  const { probe, passed, reason, look } = answer;
  const known = readSoakDetail(before);
  const stoodMs = before?.stoodMs ?? 0;
  if (known !== undefined && !prober.isAlone && isClaimed(known, prober.owner, look.at))
    return { stoodMs, detail: known };
  const earlier = known?.probes[probe.name];
  const answers: ProbeAnswers = {
    passed: [...(earlier?.passed ?? []), passed].slice(-probe.failures.of),
    at: look.at,
    failing: passed ? null : { since: earlier?.failing?.since ?? look.at, reason },
  };
  // Probes that the configuration no longer has are forgotten.
  const names = new Set(probes.map(({ name }) => name));
  const others = Object.entries(known?.probes ?? {}).filter(([name]) => names.has(name));
  const after = { ...Object.fromEntries(others), [probe.name]: answers };
  const isContent = probes.every(({ name, failures }) => {
    const found = after[name];
    return found !== undefined && judgeAnswers(failures, found.passed) === "healthy";
  });
  // One question may come late; what it took to answer was watched.
  const pause = 2 * Math.max(...probes.map(({ every }) => every)) + answer.ms;
  return {
    stoodMs: isContent ? stoodMs + passedBetween(known?.look, look, pause) : stoodMs,
    detail: {
      look,
      prober: {
        owner: prober.owner,
        until: look.at + Math.max(...probes.map(({ every, timeout }) => 3 * every + timeout)),
      },
      probes: after,
    },
  };
}

/** No claim lasts longer: one from beyond that was made before the clock was set back. */
const longestClaimMs = 3_600_000;

/** Whether another process asks, and was heard of lately. */
export function isClaimed({ prober }: SoakDetail, owner: string, now: number): boolean {
  if (prober === undefined || prober.owner === owner) return false;
  return prober.until > now && prober.until - now <= longestClaimMs;
}
