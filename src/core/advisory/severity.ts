import { z } from "zod";
import { cvssBaseScore } from "./cvss.ts";

/** From which base score on a vulnerability is critical. CVSS 3.1 specification, 5. */
const criticalScore = 9;
const rating = z.object({ type: z.string(), score: z.string() });
const words = z.object({ urgency: z.string().optional(), severity: z.string().optional() });

/** Whether one of an OSV record's `severity` scores is critical. What cannot be read says nothing. OSV schema, severity[]. */
export function isCriticalScore(severity: unknown): boolean {
  if (!Array.isArray(severity)) return false;
  return severity.slice(0, 20).some((one) => {
    const parsed = rating.safeParse(one);
    return parsed.success && parsed.data.type === "CVSS_V3" && (cvssBaseScore(parsed.data.score) ?? 0) >= criticalScore;
  });
}

/** Whether a database's own words call it critical: `severity`, or Debian's `urgency`, of which `high` is the highest. */
export function isCriticalByWord(specific: unknown): boolean {
  const parsed = words.safeParse(specific);
  if (!parsed.success) return false;
  return /^critical$/i.test(parsed.data.severity ?? "") || (parsed.data.urgency ?? "").startsWith("high");
}
