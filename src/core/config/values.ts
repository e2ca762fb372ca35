import { z } from "zod";

/** What is declared is called by; images, environments, upstreams, checks. */
export const name = z.string().regex(
  // Every object has a `constructor`: as a name it would be found where nothing is.
  /^(?!constructor$)[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/,
  "lower-case letters, digits, `.`, `_` and `-`, at most 100 characters",
);

export const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** A span of time: `30s`, `15m`, `2h`, `3d`. Read as milliseconds. */
export const duration = z
  .string()
  .regex(/^\d{1,6}(?:ms|s|m|h|d|w)$/, "a span of time: `30s`, `15m`, `2h`, `3d`")
  .transform((value) => {
    const [, digits = "0", unit = "s"] = /^(\d+)([a-z]+)$/.exec(value) ?? [];
    return Number(digits) * (units[unit as keyof typeof units] ?? 1000);
  });
