import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nextOpening, type Day, type Window } from "./windows.ts";

const everyDay: readonly Day[] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const berlin = (from: string, to: string, days = everyDay): Window => ({ days, from, to, zone: "Europe/Berlin" });
const at = (text: string): number => Date.parse(text);

describe("nextOpening", () => {
  it.each([
    ["inside", berlin("09:00", "17:00"), "2026-11-26T12:00:00+01:00", "2026-11-26T12:00:00+01:00"],
    ["at its first moment", berlin("09:00", "17:00"), "2026-11-26T09:00:00+01:00", "2026-11-26T09:00:00+01:00"],
    ["a millisecond before", berlin("09:00", "17:00"), "2026-11-26T08:59:59.999+01:00", "2026-11-26T09:00:00+01:00"],
    ["at its end: tomorrow", berlin("09:00", "17:00"), "2026-11-26T17:00:00+01:00", "2026-11-27T09:00:00+01:00"],
    [
      "on a weekend: Monday",
      berlin("09:00", "17:00", ["mon"]),
      "2026-11-28T12:00:00+01:00",
      "2026-11-30T09:00:00+01:00",
    ],
    ["a week ahead", berlin("09:00", "10:00", ["thu"]), "2026-11-26T10:00:00+01:00", "2026-12-03T09:00:00+01:00"],
    [
      "over midnight, before it",
      berlin("22:00", "02:00", ["fri"]),
      "2026-11-27T23:00:00+01:00",
      "2026-11-27T23:00:00+01:00",
    ],
    [
      "over midnight, after it",
      berlin("22:00", "02:00", ["fri"]),
      "2026-11-28T01:59:00+01:00",
      "2026-11-28T01:59:00+01:00",
    ],
    [
      "over midnight, of another day",
      berlin("22:00", "02:00", ["fri"]),
      "2026-11-27T01:00:00+01:00",
      "2026-11-27T22:00:00+01:00",
    ],
    ["a whole day", berlin("00:00", "24:00", ["sat"]), "2026-11-27T12:00:00+01:00", "2026-11-28T00:00:00+01:00"],
    [
      "clocks put forward inside it",
      berlin("01:00", "04:00"),
      "2026-03-29T03:30:00+02:00",
      "2026-03-29T03:30:00+02:00",
    ],
    [
      "an hour that clocks leave out",
      berlin("02:10", "02:50"),
      "2026-03-29T00:00:00+01:00",
      "2026-03-30T02:10:00+02:00",
    ],
    [
      "that begins in the hour left out",
      berlin("02:30", "05:00"),
      "2026-03-29T00:00:00+01:00",
      "2026-03-29T03:00:00+02:00",
    ],
    [
      "after clocks were put forward",
      berlin("09:00", "17:00"),
      "2026-03-28T18:00:00+01:00",
      "2026-03-29T09:00:00+02:00",
    ],
    [
      "an hour that clocks show twice, first",
      berlin("02:10", "02:50"),
      "2026-10-25T00:00:00+02:00",
      "2026-10-25T02:10:00+02:00",
    ],
    [
      "an hour that clocks show twice, again",
      berlin("02:10", "02:50"),
      "2026-10-25T02:55:00+02:00",
      "2026-10-25T02:10:00+01:00",
    ],
    ["after clocks were put back", berlin("09:00", "17:00"), "2026-10-24T18:00:00+02:00", "2026-10-25T09:00:00+01:00"],
    [
      "half an hour off",
      { ...berlin("09:00", "10:00"), zone: "Asia/Kolkata" },
      "2026-11-26T00:00:00Z",
      "2026-11-26T03:30:00Z",
    ],
    [
      "shifted by half an hour",
      { ...berlin("02:15", "02:45"), zone: "Australia/Lord_Howe" },
      "2026-10-03T12:00:00Z",
      "2026-10-03T15:30:00Z",
    ],
  ])("%s", (_, window, now, expected) => {
    const opening = nextOpening([window], at(now));
    expect(opening === undefined ? undefined : new Date(opening).toISOString()).toBe(
      new Date(at(expected)).toISOString(),
    );
  });

  it("takes the first of several", () => {
    const windows = [berlin("09:00", "10:00", ["mon"]), berlin("09:00", "10:00", ["sun"])];
    expect(nextOpening(windows, at("2026-11-27T12:00:00Z"))).toBe(at("2026-11-29T09:00:00+01:00"));
    expect(nextOpening([], 0)).toBeUndefined();
  });

  const pad = (count: number): string => String(count).padStart(2, "0");
  const time = fc.tuple(fc.nat(23), fc.nat(59)).map(([hours, minutes]) => `${pad(hours)}:${pad(minutes)}`);
  const anyWindow: fc.Arbitrary<Window> = fc.record({
    days: fc.subarray([...everyDay], { minLength: 1 }),
    from: time,
    to: time,
    zone: fc.constantFrom("UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Auckland"),
  });

  it("finds the very minute that looking at every minute finds", () => {
    fc.assert(
      fc.property(anyWindow, fc.integer({ min: at("2026-01-01"), max: at("2027-01-01") }), (window, now) => {
        const found = nextOpening([window], now);
        expect(found).toBeDefined();
        if (found === undefined) return;
        expect(found).toBeGreaterThanOrEqual(now);
        expect(nextOpening([window], found)).toBe(found);
        if (found === now) return;
        // Nothing between was open, and it opened on a full minute.
        expect(found % 60_000).toBe(0);
        const step = Math.max(60_000, Math.floor((found - now) / 200 / 60_000) * 60_000);
        for (let between = now; between < found; between += step) expect(nextOpening([window], between)).toBe(found);
      }),
      { numRuns: 20 },
    );
  });
});
