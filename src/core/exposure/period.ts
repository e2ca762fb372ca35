import type { Instant } from "../../lib/index.ts";

/** A span of whole days, UTC: `until` is not in it. */
export interface Period {
  readonly from: Instant;
  readonly until: Instant;
}

const day = 86_400_000;
const longestDays = 400;

/**
 * The span that a text means at `now`: `90d` (the days up to and with today), `2026`, `2026-Q3`, `2026-10`, `2026-10-01..2026-10-31` (both in it). Undefined where it means none, or more than 400 days.
 */
export function parsePeriod(text: string, now: Instant): Period | undefined {
  const days = /^(\d{1,3})d$/.exec(text);
  if (days !== null) {
    const until = Math.floor(now / day) * day + day;
    return limited({ from: until - Number(days[1]) * day, until });
  }
  const parts = /^(\d{4})(?:-(?:Q([1-4])|(0[1-9]|1[0-2])))?$/.exec(text);
  if (parts !== null) {
    const [, year, quarter, month] = parts;
    const first = quarter === undefined ? Number(month ?? 1) - 1 : 3 * (Number(quarter) - 1);
    const count = quarter === undefined ? (month === undefined ? 12 : 1) : 3;
    return limited({ from: Date.UTC(Number(year), first), until: Date.UTC(Number(year), first + count) });
  }
  const range = /^(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})$/.exec(text);
  if (range === null) return undefined;
  const from = Date.parse(`${range[1]}T00:00:00Z`);
  return limited({ from, until: Date.parse(`${range[2]}T00:00:00Z`) + day });
}

function limited(period: Period): Period | undefined {
  const length = (period.until - period.from) / day;
  return length > 0 && length <= longestDays ? period : undefined;
}
