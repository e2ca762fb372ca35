import { UsageError } from "./usage-error.ts";

const unitSeconds = { m: 60, h: 3600, d: 86_400, w: 604_800 } as const;

/** `2h`, `3d`, `1w`, `30m` from `now` (milliseconds since 1970), or a date as ISO 8601 has it; as ISO 8601 in UTC. Throws BAD_USAGE. */
export function parseUntil(text: string, now: number): string {
  const length = /^(\d{1,5})([mhdw])$/.exec(text);
  const unit = length?.[2];
  const at =
    unit === undefined
      ? Date.parse(/^\d{4}-\d{2}-\d{2}/.test(text) ? text : "")
      : now + Number(length?.[1]) * unitSeconds[unit as keyof typeof unitSeconds] * 1000;
  if (!Number.isFinite(at) || at <= now) {
    throw new UsageError("BAD_USAGE", `--until ${text}: not a moment that is still to come`, {
      hint: "Give a length of time such as 2h or 3d, or a date such as 2027-01-31.",
    });
  }
  return new Date(at).toISOString();
}

/** Milliseconds of a length of time, `30m`, that the option `name` was given. Throws BAD_USAGE. */
export function parseSpan(name: string, text: string): number {
  const [, digits, unit] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const ms = Number(digits) * unitSeconds[unit as keyof typeof unitSeconds] * 1000;
  if (ms > 0) return ms;
  throw new UsageError("BAD_USAGE", `${name} ${text}: no length of time`, { hint: "As 30m, 2h, 1d." });
}
