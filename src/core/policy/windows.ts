import type { Instant } from "../../lib/index.ts";

export type Day = "mon" | "tue" | "wed" | "thu" | "fri" | "sat" | "sun";

/** Hours in which an environment may move, by the clocks of a time zone. */
export interface Window {
  /** On which it opens. */
  readonly days: readonly Day[];
  /** `09:00`. */
  readonly from: string;
  /** `17:00`; where it is not later than `from`, on the next day. */
  readonly to: string;
  readonly zone: string;
}

const minute = 60_000;
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] as const;
const minutesOfDay = 24 * 60;
/** Clocks are never put forward by more: a leap of the search stays so far short of the opening that it aims at. */
const mostShift = 180;
/** A window opens at least once a week; a day that a zone leaves out is the exception. */
const horizon = 15 * minutesOfDay * minute;

/**
 * The first moment from `now` on at which one of the windows is open; `now` itself where one is. A window is open while the clocks of its zone show a time in it:
 * an hour that clocks leave out opens nothing, one that they show twice opens twice. Undefined where none opens within two weeks.
 */
export function nextOpening(windows: readonly Window[], now: Instant): Instant | undefined {
  const found = windows.flatMap((window) => openingOf(window, now) ?? []);
  return found.length === 0 ? undefined : Math.min(...found);
}

function openingOf(window: Window, now: Instant): Instant | undefined {
  const clocks = clocksOf(window.zone);
  const [from, to] = [minutesOf(window.from), minutesOf(window.to)];
  if (isOpen(window, clocks(now), from, to)) return now;
  let at = Math.floor(now / minute) * minute + minute;
  while (at <= now + horizon) {
    const reading = clocks(at);
    if (isOpen(window, reading, from, to)) return at;
    // What has just closed may open again where clocks are put back: no leap over that.
    const leap = at < now + mostShift * minute ? 1 : minutesUntil(window, reading, from) - mostShift;
    at += Math.max(1, leap) * minute;
  }
  return undefined;
}

interface Reading {
  /** 0 is Sunday. */
  readonly day: number;
  readonly minutes: number;
}

function isOpen({ days: opens }: Window, { day, minutes }: Reading, from: number, to: number): boolean {
  const opensOn = (which: number): boolean => opens.includes(days[(which + 7) % 7] ?? "sun");
  if (from < to) return opensOn(day) && minutes >= from && minutes < to;
  return (opensOn(day) && minutes >= from) || (opensOn(day - 1) && minutes < to);
}

/** Minutes to the next opening by the clock's face, as if no clock were ever changed. */
function minutesUntil({ days: opens }: Window, { day, minutes }: Reading, from: number): number {
  for (let ahead = 0; ahead <= 7; ahead += 1) {
    const until = ahead * minutesOfDay + from - minutes;
    if (until > 0 && opens.includes(days[(day + ahead) % 7] ?? "sun")) return until;
  }
  return 1;
}

function minutesOf(text: string): number {
  const [hours = 0, rest = 0] = text.split(":").map(Number);
  return hours * 60 + rest;
}

const shown: Readonly<Record<string, number>> = { Sun: 0, Mon: 1, Tue: 2, Wed: 3, Thu: 4, Fri: 5, Sat: 6 };

function clocksOf(zone: string): (at: Instant) => Reading {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  return (at) => {
    const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]));
    return {
      day: shown[parts.get("weekday") ?? ""] ?? 0,
      minutes: Number(parts.get("hour")) * 60 + Number(parts.get("minute")),
    };
  };
}
